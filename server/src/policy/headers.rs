//! The headers of every answer, and the one function that writes them.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use http_body_util::Full;
use profiles::Profile;

use crate::policy::cors::{Cors, Decision};
use crate::request::head::field_name;
use crate::response::reply::Reply;

pub(crate) struct AnswerHeaders {
    request_id: Option<HeaderName>,
    /// Sent with every answer.
    always: Vec<(HeaderName, HeaderValue)>,
    /// These, and what is said of content.
    with_content: HeaderMap,
}

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// An upper bound for the headers of an answer, so that its map never grows.
const MOST: usize = 24;

/// Sent with every answer but an allowed preflight, which has no content and which no page sees (history/adr/0027).
const OF_CONTENT: [(HeaderName, HeaderValue); 5] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    // Railway's CDN leaves Origin out of its key: a stored grant would reach another origin.
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    // Applies only to loads without CORS, such as images. Pages of allowed origins read through CORS,
    // which this does not affect (Fetch, #cross-origin-resource-policy-header).
    (CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
];

impl AnswerHeaders {
    pub(crate) fn new(profile: &Profile, release: Option<&HeaderValue>) -> Self {
        // Browsers ignore it over plain HTTP (RFC 6797 section 8.1); the edge forwards it over TLS.
        let hsts = profile.edge.hsts.map(|max_age| {
            let value = HeaderValue::try_from(format!("max-age={}", max_age.get().as_secs()));
            (STRICT_TRANSPORT_SECURITY, value.expect("a number is a field value"))
        });
        let release =
            release.map(|release| (field_name(&profile.deployment.release_header), release.clone()));
        let always: Vec<_> = hsts.into_iter().chain(release).collect();
        let mut with_content = HeaderMap::with_capacity(MOST);
        with_content.extend(always.iter().cloned().chain(OF_CONTENT));
        let request_id = profile.deployment.request_id_header.as_ref().map(field_name);
        Self { request_id, always, with_content }
    }

    /// The answer to a request. A reply's own header takes precedence, except over the id and the CORS headers.
    pub(crate) fn write(
        &self,
        cors: &Cors,
        decision: Decision,
        reply: Reply,
        id: HeaderValue,
    ) -> Response<Bytes> {
        let (status, content_type, own, body) = reply.into_parts();
        let decision = if content_type.is_some() { decision.with_content() } else { decision };
        let mut headers = match decision {
            Decision::Preflight(_) => self.without_content(),
            Decision::Refused | Decision::Actual { .. } => self.with_content.clone(),
        };
        if let Some(name) = &self.request_id {
            headers.insert(name, id);
        }
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, content_type);
        }
        cors.write(decision, &mut headers);
        for (name, value) in own {
            if name == VARY {
                // `Vary` lines accumulate (RFC 9110 section 12.5.5).
                headers.append(name, value);
            } else if !self.is_reserved(&name) {
                headers.insert(name, value);
            }
        }
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }

    fn without_content(&self) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(MOST);
        headers.extend(self.always.iter().cloned());
        headers
    }

    /// Whether a reply must not set the header: the request's id, and CORS grants.
    fn is_reserved(&self, name: &HeaderName) -> bool {
        self.request_id.as_ref() == Some(name) || name.as_str().starts_with("access-control-")
    }
}

/// The body to send: none to HEAD, with the length of GET's (RFC 9110 section 9.3.2).
pub(crate) fn with_body_for(method: &Method, response: Response<Bytes>) -> Response<Full<Bytes>> {
    if method != Method::HEAD {
        return response.map(Full::new);
    }
    let (mut parts, body) = response.into_parts();
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    Response::from_parts(parts, Full::default())
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use http::header::{ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, LOCATION};

    use super::*;
    use crate::policy::cors::Preflight;

    const ORIGIN: HeaderValue = HeaderValue::from_static("https://todo.example.com");

    fn written(reply: Reply, decision: Decision) -> HeaderMap {
        let today = jiff::civil::date(2026, 1, 1);
        let profile = profiles::Declaration::load("production", today).unwrap().profile;
        let (headers, cors) = (AnswerHeaders::new(&profile, None), Cors::new(&profile.cors));
        headers.write(&cors, decision, reply, HeaderValue::from_static("ours")).into_parts().0.headers
    }

    #[test]
    fn a_route_adds_to_an_answer_and_changes_neither_its_id_nor_its_grant() {
        let theirs = || HeaderValue::from_static("theirs");
        let reply = Reply::empty(StatusCode::OK)
            .with(HeaderName::from_static("x-request-id"), theirs())
            .with(ACCESS_CONTROL_ALLOW_ORIGIN, theirs())
            .with(LOCATION, theirs())
            .with(REFERRER_POLICY, theirs())
            .with(VARY, theirs());
        let headers = written(reply, Decision::Actual { granted: Some(ORIGIN), vary: true });
        let all = |name: &str| headers.get_all(name).iter().cloned().collect::<Vec<_>>();
        assert_eq!(all("x-request-id"), ["ours"]);
        assert_eq!(all("access-control-allow-origin"), ["https://todo.example.com"]);
        assert_eq!(all("location"), ["theirs"]);
        assert_eq!(all("referrer-policy"), ["theirs"]);
        assert_eq!(all("vary"), ["Origin", "theirs"]);
    }

    #[test]
    fn a_preflight_that_is_refused_for_its_head_says_as_much_of_its_content_as_any_refusal() {
        let asked = Decision::Preflight(Preflight { origin: ORIGIN, method: None, headers: None });
        let headers = written(Reply::problem(StatusCode::BAD_REQUEST, &()), asked);
        for name in [X_CONTENT_TYPE_OPTIONS, CONTENT_SECURITY_POLICY, REFERRER_POLICY, CACHE_CONTROL] {
            assert!(headers.contains_key(&name), "{name}: {headers:?}");
        }
        assert_eq!(headers[CONTENT_TYPE], "application/problem+json");
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_ORIGIN], "https://todo.example.com");
    }

    #[test]
    fn an_answer_has_the_type_of_its_body_and_none_without_one() {
        let read = Decision::Actual { granted: None, vary: true };
        assert_eq!(
            written(Reply::html(String::new()), read).get(CONTENT_TYPE).unwrap(),
            "text/html; charset=utf-8"
        );
        let read = Decision::Actual { granted: None, vary: true };
        assert_eq!(written(Reply::empty(StatusCode::OK), read).get(CONTENT_TYPE), None);
        let asked = Decision::Preflight(Preflight { origin: ORIGIN, method: None, headers: None });
        let headers = written(Reply::empty(StatusCode::NO_CONTENT), asked);
        assert!(!headers.contains_key(CONTENT_TYPE) && !headers.contains_key(ACCESS_CONTROL_ALLOW_METHODS));
        assert!(!headers.values().any(HeaderValue::is_empty), "{headers:?}");
    }
}
