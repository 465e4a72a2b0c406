//! The input of a handler: the request, and the service.

use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use profiles::Profile;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use tokio::time::Instant;
use uuid::Uuid;

use crate::database::Until;
use crate::observe::request_scope::RequestScope;
use crate::request::head::{Field, Head};
use crate::request::trace::{Parent, Trace};
use crate::response::refusal::Refusal;
use crate::service::Service;

/// The path's parameters by name, decoded.
pub(crate) type PathParameters = Vec<(Box<str>, Box<str>)>;

pub struct Context {
    pub(crate) head: Head,
    pub(crate) parameters: PathParameters,
    pub(crate) body: Bytes,
    pub(crate) end: Instant,
    pub(crate) uuid: Uuid,
    pub(crate) parent: Option<Parent>,
    pub(crate) service: Arc<Service>,
}

impl Context {
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// A parameter of the route's path: `id` in `/api/things/{id}`.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| **known == *name).map(|(_, value)| &**value)
    }

    /// The whole body, at most the profile's `server.body_limit`.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body as JSON: 415 for another media type, 400 for invalid JSON, 422 for JSON of another shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        json(&self.head, &self.body)
    }

    pub fn profile(&self) -> &Profile {
        &self.service.profile
    }

    /// The database, within this request's deadline.
    pub fn database(&self) -> Until<'_> {
        self.service.database.until(self.end)
    }

    /// The trace of this request, whose headers belong on requests to other services.
    pub fn trace(&self) -> Trace<'_> {
        let trace = Trace::of(self.uuid, self.parent, self.head.headers());
        RequestScope::joins(trace.id());
        trace
    }
}

fn json<T: DeserializeOwned>(head: &Head, body: &[u8]) -> Result<T, Refusal> {
    match head.field(&CONTENT_TYPE) {
        Field::One(sent) if is_json(sent) => {}
        Field::Absent | Field::One(_) | Field::Ambiguous => return Err(Refusal::not_json()),
    }
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        Category::Data => {
            Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "the body is not the JSON that this path takes")
        }
        Category::Io | Category::Syntax | Category::Eof => Refusal::bad_request("the body is not JSON"),
    })
}

/// `application/json`, or a type with the suffix `+json` (RFC 6839 section 3.1). Parameters are ignored: JSON is UTF-8
/// (RFC 8259 sections 8.1 and 11).
fn is_json(sent: &HeaderValue) -> bool {
    let essence = sent.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let suffix = essence.len().checked_sub(b"+json".len()).map(|at| &essence[at..]);
    essence.eq_ignore_ascii_case(b"application/json")
        || essence.contains(&b'/') && suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case(b"+json"))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn read(content_types: &[&'static str], body: &str) -> Result<(String, u8), u16> {
        let mut request = Request::builder().uri("/");
        for sent in content_types {
            request = request.header(CONTENT_TYPE, *sent);
        }
        let (head, ()) = Head::split(request.body(()).unwrap());
        json(&head, body.as_bytes()).map_err(|refusal| refusal.status().as_u16())
    }

    #[test]
    fn json_is_read_by_its_media_type() {
        for sent in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/vnd.api+json",
            "text/x+JSON ;a=b",
        ] {
            assert_eq!(read(&[sent], r#"["a", 1]"#), Ok(("a".to_owned(), 1)), "{sent}");
        }
    }

    #[test]
    fn another_media_type_is_415_whatever_the_body() {
        for sent in ["text/plain", "", "json", "+json", "application/jsonp", "application/json, text/plain"] {
            assert_eq!(read(&[sent], r#"["a", 1]"#), Err(415), "{sent}");
        }
        assert_eq!(read(&[], r#"["a", 1]"#), Err(415));
        assert_eq!(read(&["application/json", "application/json"], r#"["a", 1]"#), Err(415));
    }

    #[test]
    fn no_json_is_400_and_json_of_another_shape_422() {
        for body in ["", "[", r#"["a", 1"#, "[\"a\", 1]]", "\u{feff}[\"a\", 1]", "hello"] {
            assert_eq!(read(&["application/json"], body), Err(400), "{body}");
        }
        for body in ["{}", "null", r#"["a", 256]"#, r#"["a"]"#] {
            assert_eq!(read(&["application/json"], body), Err(422), "{body}");
        }
    }
}
