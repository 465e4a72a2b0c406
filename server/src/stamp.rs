//! What every answer carries, whatever went wrong inside: security headers, request id and release.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response};
use http_body_util::Full;
use profiles::{FieldName, Profile};

use crate::cors::{Cors, Decision};
use crate::reply::Reply;

pub(crate) struct Stamp {
    /// What every answer carries, ready to be copied: that is less work than to put it together.
    plain: HeaderMap,
    /// The same with the grant of each allowed origin.
    granted: Vec<HeaderMap>,
    request_id: Option<HeaderName>,
}

/// More headers than any answer has.
const CAPACITY: usize = 24;
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

impl Stamp {
    pub(crate) fn new(profile: &Profile, release: Option<&HeaderValue>, cors: &Cors) -> Self {
        let fixed = |value| HeaderValue::from_static(value);
        // A copy has the same room, so that no answer's map has to grow: a map that grows is moved.
        let mut plain = HeaderMap::with_capacity(CAPACITY);
        plain.insert(X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
        plain.insert(CONTENT_SECURITY_POLICY, fixed("default-src 'none'; frame-ancestors 'none'"));
        plain.insert(REFERRER_POLICY, fixed("no-referrer"));
        // Railway's CDN leaves Origin out of its key: a stored grant would reach another origin.
        plain.insert(CACHE_CONTROL, fixed("no-store"));
        // Only for loads without CORS, such as images. Pages of the allowed origins read through CORS,
        // which this does not touch (Fetch, #cross-origin-resource-policy-header).
        plain.insert(CROSS_ORIGIN_RESOURCE_POLICY, fixed("same-origin"));
        if let Some(hsts) = profile.edge.hsts {
            // Over plain HTTP browsers ignore it (RFC 6797 section 8.1); the edge passes it on over TLS.
            let value = HeaderValue::try_from(format!("max-age={}", hsts.get().as_secs()));
            plain.insert(STRICT_TRANSPORT_SECURITY, value.expect("a number is a field value"));
        }
        if let Some(release) = release {
            plain.insert(field_name(&profile.deployment.release_header), release.clone());
        }
        let request_id = profile.deployment.request_id_header.as_ref().map(field_name);
        // Places for what each answer says itself, so that a copy has room for it.
        for name in [Some(CONTENT_TYPE), request_id.clone()].into_iter().flatten() {
            plain.insert(name, fixed(""));
        }
        let granted = cors.grants().map(|grant| {
            let mut headers = plain.clone();
            Decision::Actual { grant: Some(grant), vary: true }.stamp(&mut headers);
            headers
        });
        Self { granted: granted.collect(), plain, request_id }
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
        let (template, decision) = match decision {
            Decision::Actual { grant: Some(grant), vary: true } => (&self.granted[grant.at], None),
            decision => (&self.plain, Some(decision)),
        };
        let mut headers = template.clone();
        let (status, body) = reply.into_parts(&mut headers);
        if let Some(name) = &self.request_id {
            headers.insert(name, id);
        }
        if let Some(decision) = decision {
            decision.stamp(&mut headers);
        }
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

pub(crate) fn field_name(name: &FieldName) -> HeaderName {
    HeaderName::from_bytes(name.as_str().as_bytes()).expect("a field name is a token: parsed by `profiles`")
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
