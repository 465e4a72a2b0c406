//! An answer before the common headers are written: status, body and headers of its own.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

pub struct Reply {
    status: StatusCode,
    body: Bytes,
    content_type: Option<HeaderValue>,
    /// Empty for most replies, without an allocation.
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Reply {
    pub fn empty(status: StatusCode) -> Self {
        Self::bytes(status, Bytes::new())
    }

    pub fn json(status: StatusCode, body: &impl Serialize) -> Self {
        Self::ready_json(
            status,
            serde_json::to_vec(body).expect("our bodies are plain structs with text keys"),
        )
    }

    /// JSON that is already serialised.
    pub(crate) fn ready_json(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::bytes(status, body).typed(JSON)
    }

    pub fn html(body: String) -> Self {
        Self::bytes(StatusCode::OK, body).typed(HeaderValue::from_static("text/html; charset=utf-8"))
    }

    pub(crate) fn problem(status: StatusCode, body: &impl Serialize) -> Self {
        Self::json(status, body).typed(HeaderValue::from_static("application/problem+json"))
    }

    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The status, the type of the body, the reply's own headers, and the body.
    pub(crate) fn into_parts(
        self,
    ) -> (StatusCode, Option<HeaderValue>, Vec<(HeaderName, HeaderValue)>, Bytes) {
        (self.status, self.content_type, self.headers, self.body)
    }

    pub(crate) fn typed(mut self, content_type: HeaderValue) -> Self {
        self.content_type = Some(content_type);
        self
    }

    pub(crate) fn bytes(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self { status, body: body.into(), content_type: None, headers: Vec::new() }
    }
}
