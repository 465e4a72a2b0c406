//! What every answer carries, whatever went wrong inside: security headers, request id and release.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, CACHE_CONTROL, CONTENT_LENGTH,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use http_body_util::Full;
use profiles::Profile;

use crate::policy::cors::{Cors, Decision, Preflight};
use crate::request::head::field_name;
use crate::response::reply::{JSON, Reply};

/// Answers without their own part, ready to be copied: that is less work than to put each together. A copy begins with
/// places for what it says itself, which so are found without a search.
pub(crate) struct Stamp {
    /// What every answer carries, with its id in the first place, as JSON.
    plain: HeaderMap,
    /// The same with what an allowed origin is granted, by its place in the profile.
    granted: Vec<Granted>,
    request_id: Option<HeaderName>,
}

struct Granted {
    actual: HeaderMap,
    /// With the method and the headers in the next two places, and without what is said of content: it has none, and no
    /// page ever sees it (history/adr/0027).
    preflight: HeaderMap,
}

/// More headers than any answer has.
const CAPACITY: usize = 24;
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

impl Stamp {
    pub(crate) fn new(profile: &Profile, release: Option<&HeaderValue>, cors: &Cors) -> Self {
        let fixed = |value| HeaderValue::from_static(value);
        let request_id = profile.deployment.request_id_header.as_ref().map(field_name);
        let mut everywhere = HeaderMap::new();
        if let Some(hsts) = profile.edge.hsts {
            // Over plain HTTP browsers ignore it (RFC 6797 section 8.1); the edge passes it on over TLS.
            let value = HeaderValue::try_from(format!("max-age={}", hsts.get().as_secs()));
            everywhere.insert(STRICT_TRANSPORT_SECURITY, value.expect("a number is a field value"));
        }
        if let Some(release) = release {
            everywhere.insert(field_name(&profile.deployment.release_header), release.clone());
        }
        let begin = |places: &[HeaderName]| {
            // A copy has the same room, so that no answer's map has to grow: a map that grows is moved.
            let mut headers = HeaderMap::with_capacity(CAPACITY);
            headers.extend(request_id.iter().chain(places).map(|name| (name.clone(), fixed(""))));
            headers.extend(everywhere.clone());
            headers
        };
        let actual = |granted| {
            let mut headers = begin(&[]);
            headers.insert(CONTENT_TYPE, JSON);
            headers.insert(X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
            headers.insert(CONTENT_SECURITY_POLICY, fixed("default-src 'none'; frame-ancestors 'none'"));
            headers.insert(REFERRER_POLICY, fixed("no-referrer"));
            // Railway's CDN leaves Origin out of its key: a stored grant would reach another origin.
            headers.insert(CACHE_CONTROL, fixed("no-store"));
            // Only for loads without CORS, such as images. Pages of the allowed origins read through CORS,
            // which this does not touch (Fetch, #cross-origin-resource-policy-header).
            headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, fixed("same-origin"));
            cors.stamp(Decision::Actual { granted, vary: true }, &mut headers);
            headers
        };
        let preflight = |origin| {
            let mut headers = begin(&[ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_HEADERS]);
            let (method, names) = (Some(fixed("")), Some(fixed("")));
            cors.stamp(Decision::Preflight(Preflight { origin, method, headers: names }), &mut headers);
            headers
        };
        let granted = |origin| Granted { actual: actual(Some(origin)), preflight: preflight(origin) };
        Self { plain: actual(None), granted: (0..cors.origins()).map(granted).collect(), request_id }
    }

    /// The one door: whatever leaves the service has passed here.
    pub(crate) fn apply(
        &self,
        reply: Reply,
        method: &Method,
        decision: Decision,
        id: HeaderValue,
    ) -> Response<Full<Bytes>> {
        let response = self.stamped(reply, decision, id);
        if method == Method::HEAD {
            return without_body(response);
        }
        response.map(Full::new)
    }

    /// A route's own header wins, but for the id and what CORS says.
    pub(crate) fn stamped(&self, reply: Reply, decision: Decision, id: HeaderValue) -> Response<Bytes> {
        let (status, content_type, own, body) = reply.into_parts();
        let decision = match decision {
            // Allowed, but refused for its head: an answer with content, as any other refusal.
            Decision::Preflight(preflight) if content_type.is_some() => {
                Decision::Actual { granted: Some(preflight.origin), vary: false }
            }
            decision => decision,
        };
        let (template, ready, vary) = match &decision {
            Decision::Refused => (&self.plain, Some(JSON), false),
            Decision::Preflight(preflight) => (&self.granted[preflight.origin].preflight, None, true),
            Decision::Actual { granted: None, vary } => (&self.plain, Some(JSON), *vary),
            Decision::Actual { granted: Some(origin), vary } => {
                (&self.granted[*origin].actual, Some(JSON), *vary)
            }
        };
        let mut headers = template.clone();
        let mut places = headers.iter_mut();
        let mut place = |name: &HeaderName| {
            let (first, value) = places.next().expect("a template begins with its places");
            debug_assert_eq!(first, name, "a map keeps the order in which it was filled");
            value
        };
        if let Some(name) = &self.request_id {
            *place(name) = id;
        }
        if let Decision::Preflight(Preflight { method: Some(method), headers: Some(names), .. }) = decision {
            *place(&ACCESS_CONTROL_ALLOW_METHODS) = method;
            *place(&ACCESS_CONTROL_ALLOW_HEADERS) = names;
        } else if let Decision::Preflight(preflight) = decision {
            preflight.stamp(&mut headers);
        }
        if !vary {
            headers.remove(VARY);
        }
        if content_type != ready {
            match content_type {
                Some(content_type) => headers.insert(CONTENT_TYPE, content_type),
                None => headers.remove(CONTENT_TYPE),
            };
        }
        for (name, value) in own {
            if name == VARY {
                // What an answer depends on adds up (RFC 9110 section 12.5.5).
                headers.append(name, value);
            } else if Some(&name) != self.request_id.as_ref() && !name.as_str().starts_with("access-control-")
            {
                headers.insert(name, value);
            }
        }
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

/// HEAD has the length of the body that GET would have sent (RFC 9110 section 9.3.2).
fn without_body(response: Response<Bytes>) -> Response<Full<Bytes>> {
    let (mut parts, body) = response.into_parts();
    set_length(&mut parts.headers, body.len());
    Response::from_parts(parts, Full::default())
}

fn set_length(headers: &mut HeaderMap, length: usize) {
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, LOCATION};

    use super::*;

    fn stamped(reply: Reply, decision: Decision) -> HeaderMap {
        let today = jiff::civil::date(2026, 1, 1);
        let profile = profiles::Declaration::load("production", today).unwrap().profile;
        let stamp = Stamp::new(&profile, None, &Cors::new(&profile.cors));
        stamp.stamped(reply, decision, HeaderValue::from_static("ours")).into_parts().0.headers
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
        let headers = stamped(reply, Decision::Actual { granted: Some(0), vary: true });
        let all = |name: &str| headers.get_all(name).iter().cloned().collect::<Vec<_>>();
        assert_eq!(all("x-request-id"), ["ours"]);
        assert_eq!(all("access-control-allow-origin"), ["https://todo.example.com"]);
        assert_eq!(all("location"), ["theirs"]);
        assert_eq!(all("referrer-policy"), ["theirs"]);
        assert_eq!(all("vary"), ["Origin", "theirs"]);
    }

    #[test]
    fn a_preflight_that_is_refused_for_its_head_says_as_much_of_its_content_as_any_refusal() {
        let asked = Decision::Preflight(Preflight { origin: 0, method: None, headers: None });
        let headers = stamped(Reply::problem(StatusCode::BAD_REQUEST, &()), asked);
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
            stamped(Reply::html(String::new()), read).get(CONTENT_TYPE).unwrap(),
            "text/html; charset=utf-8"
        );
        let read = Decision::Actual { granted: None, vary: true };
        assert_eq!(stamped(Reply::empty(StatusCode::OK), read).get(CONTENT_TYPE), None);
        let asked = Decision::Preflight(Preflight { origin: 0, method: None, headers: None });
        let headers = stamped(Reply::empty(StatusCode::NO_CONTENT), asked);
        assert!(!headers.contains_key(CONTENT_TYPE) && !headers.contains_key(ACCESS_CONTROL_ALLOW_METHODS));
        assert!(!headers.values().any(HeaderValue::is_empty), "{headers:?}");
    }
}
