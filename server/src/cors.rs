//! Who may read a response: the CORS decision (Fetch, #http-cors-protocol).

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method};

use crate::head::{Field, Head};

/// The profile's policy as ready-made header values.
pub(crate) struct Cors {
    origins: Vec<HeaderValue>,
    methods: Vec<HeaderValue>,
    request_headers: Vec<String>,
    exposed: Option<HeaderValue>,
    credentials: bool,
    max_age: HeaderValue,
}

/// What the policy says about one request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// A preflight that is refused: 403 without any Access-Control header.
    Refused,
    /// A preflight that is allowed: 204.
    Preflight(Preflight),
    /// Any other request is answered as usual; a page may read the answer only with a grant.
    Actual { grant: Option<Grant>, vary: bool },
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// Which of the profile's origins it is.
    pub(crate) at: usize,
    origin: HeaderValue,
    credentials: bool,
    exposed: Option<HeaderValue>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Preflight {
    origin: HeaderValue,
    credentials: bool,
    /// Only the method that was asked for: the rest of the policy is nobody's business.
    method: Option<HeaderValue>,
    headers: Option<HeaderValue>,
    max_age: HeaderValue,
}

/// Empty elements that a list may hold; RFC 9110 section 5.6.1.2 asks for "a reasonable number".
const MOST_EMPTY: usize = 16;
/// Names that a list may hold. Browsers send each name once.
const MOST_NAMES: usize = 64;
/// Whitespace around a name. Browsers send none, and gateways one space.
const MOST_PADDING: usize = 8;

impl Cors {
    pub(crate) fn new(policy: &profiles::Cors) -> Self {
        let exposed: Vec<_> = policy.exposed_headers.iter().map(profiles::FieldName::as_str).collect();
        Self {
            origins: policy.origins.iter().map(|origin| value(origin.as_str())).collect(),
            methods: policy.methods.iter().map(|method| value(method.as_str())).collect(),
            request_headers: policy.request_headers.iter().map(|name| name.as_str().to_owned()).collect(),
            exposed: (!exposed.is_empty()).then(|| value(&exposed.join(","))),
            credentials: policy.credentials,
            max_age: HeaderValue::from(policy.max_age.get().as_secs()),
        }
    }

    pub(crate) fn decide(&self, head: &Head) -> Decision {
        let options = head.method() == Method::OPTIONS;
        let requested = head.field(&ACCESS_CONTROL_REQUEST_METHOD);
        let origin = head.field(&ORIGIN);
        if options && !matches!(origin, Field::Absent) && !matches!(requested, Field::Absent) {
            return self.preflight(&origin, &requested, head).map_or(Decision::Refused, Decision::Preflight);
        }
        // OPTIONS is not cacheable (RFC 9110 section 9.3.7). Every other answer varies, also without a grant:
        // a cache must not serve it to another origin (Fetch, #cors-protocol-and-http-caches).
        Decision::Actual { grant: self.grant(&origin), vary: !options }
    }

    /// What each of the origins is granted, in the profile's order.
    pub(crate) fn grants(&self) -> impl Iterator<Item = Grant> {
        (0..self.origins.len()).map(|at| self.grant_to(at))
    }

    fn grant(&self, origin: &Field<'_>) -> Option<Grant> {
        Some(self.grant_to(self.allowed(origin)?))
    }

    fn grant_to(&self, at: usize) -> Grant {
        let origin = self.origins[at].clone();
        Grant { at, origin, credentials: self.credentials, exposed: self.exposed.clone() }
    }

    fn preflight(&self, origin: &Field<'_>, requested: &Field<'_>, head: &Head) -> Option<Preflight> {
        let origin = self.origins[self.allowed(origin)?].clone();
        let Field::One(requested) = requested else {
            return None;
        };
        // Pages can send these without a preflight, so no list can withhold them (Fetch, #cors-safelisted-method).
        let safelisted = [&b"GET"[..], b"HEAD", b"POST"].contains(&requested.as_bytes());
        let method = if safelisted {
            None
        } else {
            // Methods are case-sensitive: `patch` is not PATCH (Fetch, #concept-method-normalize).
            Some(self.methods.iter().find(|method| *method == *requested)?.clone())
        };
        let headers = Some(self.requested_headers(head.headers())?).filter(|names| !names.is_empty());
        Some(Preflight {
            origin,
            credentials: self.credentials,
            method,
            headers,
            max_age: self.max_age.clone(),
        })
    }

    /// Origins are compared whole. It is tempting to compare suffixes; evil-example.com ends with example.com.
    fn allowed(&self, origin: &Field<'_>) -> Option<usize> {
        match origin {
            Field::One(sent) => self.origins.iter().position(|allowed| *allowed == *sent),
            // With two Origin lines nobody can say which page asks.
            Field::Absent | Field::Ambiguous => None,
        }
    }

    /// The requested names, each once, empty when there are none; `None` when one is not on the list or the field is
    /// out of bounds.
    /// Tolerant of case, order, whitespace, empty elements and several lines: gateways rewrite this field.
    fn requested_headers(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let longest = self.request_headers.iter().map(String::len).max().unwrap_or(0);
        let mut found: [&str; MOST_NAMES] = [""; MOST_NAMES];
        let (mut distinct, mut names, mut empty) = (0, 0, 0);
        let mut as_sent = true;
        for line in headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS) {
            for element in line.as_bytes().split(|byte| *byte == b',') {
                if element.len() > longest + MOST_PADDING {
                    return None;
                }
                let name = element.trim_ascii();
                *(if name.is_empty() { &mut empty } else { &mut names }) += 1;
                if empty > MOST_EMPTY || names > MOST_NAMES {
                    return None;
                }
                if name.is_empty() {
                    continue;
                }
                let known =
                    self.request_headers.iter().find(|known| known.as_bytes().eq_ignore_ascii_case(name))?;
                as_sent &= known.as_bytes() == element;
                if !found[..distinct].contains(&known.as_str()) {
                    found[distinct] = known;
                    distinct += 1;
                }
            }
        }
        let mut lines = headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS).iter();
        Some(match (lines.next(), lines.next()) {
            // What browsers send is already what the answer says: each name once, in lower case, between commas.
            (Some(line), None) if as_sent && empty == 0 && distinct == names => line.clone(),
            (None, _) => HeaderValue::from_static(""),
            _ => value(&found[..distinct].join(",")),
        })
    }
}

impl Decision {
    pub(crate) fn is_preflight(&self) -> bool {
        !matches!(self, Self::Actual { .. })
    }

    /// Whether the page that asks is of a declared origin.
    pub(crate) fn grants(&self) -> bool {
        match self {
            Self::Refused => false,
            Self::Preflight(_) => true,
            Self::Actual { grant, .. } => grant.is_some(),
        }
    }

    /// Writes what the decision allows, and nothing else, onto the answer.
    pub(crate) fn stamp(self, headers: &mut HeaderMap) {
        match self {
            Self::Refused => {}
            Self::Preflight(preflight) => {
                grant_origin(headers, preflight.origin, preflight.credentials);
                if let Some(method) = preflight.method {
                    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method);
                }
                if let Some(names) = preflight.headers {
                    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names);
                }
                headers.insert(ACCESS_CONTROL_MAX_AGE, preflight.max_age);
            }
            Self::Actual { grant, vary } => {
                if let Some(grant) = grant {
                    grant_origin(headers, grant.origin, grant.credentials);
                    if let Some(exposed) = grant.exposed {
                        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
                    }
                }
                if vary {
                    headers.append(VARY, HeaderValue::from_static("Origin"));
                }
            }
        }
    }
}

fn grant_origin(headers: &mut HeaderMap, origin: HeaderValue, credentials: bool) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    if credentials {
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("origins, methods and names are visible ASCII: parsed by `profiles`")
}

#[cfg(test)]
#[path = "cors_tests.rs"]
mod tests;
