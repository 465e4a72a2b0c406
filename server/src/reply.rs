//! An answer before it is stamped: status, body and the few headers that are its own.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;

pub struct Reply(Response<Bytes>);

impl Reply {
    pub fn empty(status: StatusCode) -> Self {
        Self::bytes(status, Bytes::new())
    }

    pub fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("our bodies are plain structs with text keys");
        Self::bytes(status, body).with(CONTENT_TYPE, HeaderValue::from_static("application/json"))
    }

    pub fn html(body: String) -> Self {
        Self::bytes(StatusCode::OK, body)
            .with(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))
    }

    pub(crate) fn problem(status: StatusCode, body: &impl Serialize) -> Self {
        Self::json(status, body).with(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))
    }

    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers_mut().insert(name, value);
        self
    }

    pub(crate) fn into_response(self) -> Response<Bytes> {
        self.0
    }

    fn bytes(status: StatusCode, body: impl Into<Bytes>) -> Self {
        let mut response = Response::new(body.into());
        *response.status_mut() = status;
        Self(response)
    }
}
