//! A strict allow-list by hand, for the bare servers.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};

use crate::bare::{self, Answer};

/// The origin that may read the answer.
pub fn allowed(headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(ORIGIN)?;
    crate::ORIGINS.iter().any(|allowed| origin == allowed).then(|| origin.clone())
}

/// The answer to a preflight; `None` for any other request.
pub fn preflight<B>(request: &Request<B>) -> Option<Answer> {
    let headers = request.headers();
    let method = headers.get(ACCESS_CONTROL_REQUEST_METHOD)?;
    if request.method() != Method::OPTIONS {
        return None;
    }
    let origin = allowed(headers);
    let fits = crate::METHODS.iter().any(|allowed| method == allowed) && names(headers);
    let (Some(origin), true) = (origin, fits) else { return Some(bare::empty(StatusCode::FORBIDDEN)) };
    let mut answer = grant(bare::empty(StatusCode::NO_CONTENT), Some(origin));
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    Some(answer)
}

/// Whether all requested headers are allowed.
fn names(headers: &HeaderMap) -> bool {
    headers.get(ACCESS_CONTROL_REQUEST_HEADERS).is_none_or(|names| {
        names.to_str().is_ok_and(|names| {
            names.split(',').all(|name| {
                crate::REQUEST_HEADERS.iter().any(|allowed| name.trim().eq_ignore_ascii_case(allowed))
            })
        })
    })
}

pub fn grant(mut answer: Answer, origin: Option<HeaderValue>) -> Answer {
    let headers = answer.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(crate::EXPOSED_HEADER));
    }
    answer
}
