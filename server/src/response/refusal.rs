//! The one place where an error becomes a response: RFC 9457 problem details.

use std::borrow::Cow;

use http::header::{ACCEPT, ALLOW, CONNECTION, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

use crate::database::DatabaseError;
use crate::response::reply::Reply;

/// Why a request is not served. The detail is shown to anyone, so it never repeats an inner error.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    detail: Cow<'static, str>,
    header: Option<(HeaderName, HeaderValue)>,
}

/// RFC 9457 section 3.1: the type `about:blank` adds nothing to the status.
#[derive(Serialize)]
struct Problem<'r> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'r str,
    request_id: &'r str,
}

impl Refusal {
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, detail: detail.into(), header: None }
    }

    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is nothing at this path")
    }

    pub(crate) fn preflight() -> Self {
        Self::new(StatusCode::FORBIDDEN, "pages of this origin may not send such a request")
    }

    pub(crate) fn cross_site() -> Self {
        Self::new(StatusCode::FORBIDDEN, "pages of other sites may not send such a request")
    }

    pub(crate) fn method_not_allowed(allow: HeaderValue) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "this path does not serve the method; see `Allow`")
            .with(ALLOW, allow)
    }

    pub(crate) fn not_implemented() -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "this server does not know the method")
    }

    /// Another recipient may see another end of the same message.
    pub(crate) fn coding() -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "this server knows no transfer coding but `chunked`, once")
            .with(CONNECTION, HeaderValue::from_static("close"))
    }

    pub(crate) fn too_large(limit: u64) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is larger than {limit} bytes"))
    }

    /// RFC 9110 section 15.5.9 asks for the end of the connection: the rest of the body may still come.
    pub(crate) fn body_timeout() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "the body took too long")
            .with(CONNECTION, HeaderValue::from_static("close"))
    }

    /// RFC 9110 section 15.5.16: `Accept` names the accepted types.
    pub(crate) fn not_json() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "this path takes `application/json`; see `Content-Type`",
        )
        .with(ACCEPT, HeaderValue::from_static("application/json"))
    }

    pub(crate) fn target_too_long(limit: u64) -> Self {
        Self::new(StatusCode::URI_TOO_LONG, format!("the request target is longer than {limit} bytes"))
    }

    pub(crate) fn head_too_large(limit: u64) -> Self {
        let detail = format!("the request's head is larger than {limit} bytes");
        Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, detail)
    }

    pub(crate) fn overloaded() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too many requests are being handled").soon()
    }

    /// RFC 6585 section 4.
    pub(crate) fn too_many(seconds: u64) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too many requests from this client")
            .with(RETRY_AFTER, HeaderValue::from(seconds))
    }

    pub(crate) fn timeout() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the answer took too long").soon()
    }

    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the server failed; its log has the request id")
    }

    /// The beginning of the next request is unknown, so the connection ends.
    pub(crate) fn closing(self) -> Self {
        self.with(CONNECTION, HeaderValue::from_static("close"))
    }

    /// The refusal of a late or malformed head.
    pub(crate) fn malformed(status: StatusCode) -> Self {
        Self::new(
            status,
            match status {
                StatusCode::REQUEST_TIMEOUT => "the request's head took too long",
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "the request's head is too large",
                StatusCode::URI_TOO_LONG => "the request's target is too long",
                _ => "this is not a request that HTTP/1.1 knows",
            },
        )
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn into_reply(self, request_id: &HeaderValue) -> Reply {
        let reply = Reply::problem(
            self.status,
            &Problem {
                r#type: "about:blank",
                title: self.status.canonical_reason().unwrap_or("Error"),
                status: self.status.as_u16(),
                detail: &self.detail,
                request_id: request_id.to_str().expect("an id is ASCII: made or checked in `request_id.rs`"),
            },
        );
        match self.header {
            Some((name, value)) => reply.with(name, value),
            None => reply,
        }
    }

    fn soon(self) -> Self {
        self.with(RETRY_AFTER, HeaderValue::from_static("1"))
    }

    fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }
}

impl From<DatabaseError> for Refusal {
    /// The log gets the class; the client learns only whether it may retry.
    fn from(error: DatabaseError) -> Self {
        let databases = !error.is_the_statements();
        let sum_by = databases.then(|| error.class());
        tracing::warn!(sum_by, class = error.class(), "a statement failed: {error}");
        if !databases {
            return Self::internal();
        }
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the database did not answer").soon()
    }
}
