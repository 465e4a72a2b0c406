//! Who may read a response: the CORS decision (Fetch, #http-cors-protocol).

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::request::head::{Field, Fields, Head};

/// The profile's policy as header values.
pub(crate) struct Cors {
    origins: Vec<HeaderValue>,
    methods: Vec<HeaderValue>,
    request_headers: Vec<HeaderValue>,
    exposed: Option<HeaderValue>,
    credentials: bool,
    max_age: HeaderValue,
}

/// The decision about one request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// A refused preflight: 403 without any Access-Control header.
    Refused,
    /// An allowed preflight: 204.
    Preflight(Preflight),
    /// Any other request is answered as usual; a page may read the answer only if its origin is granted.
    Actual { granted: Option<HeaderValue>, vary: bool },
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Preflight {
    pub(crate) origin: HeaderValue,
    /// The requested method only: the answer reveals no other method of the policy.
    pub(crate) method: Option<HeaderValue>,
    pub(crate) headers: Option<HeaderValue>,
}

/// The most empty elements in a list; RFC 9110 section 5.6.1.2 asks for "a reasonable number".
const MOST_EMPTY: usize = 16;
/// The most names in a list. Browsers send each name once.
const MOST_NAMES: usize = 64;
/// The most whitespace around a name. Browsers send none, gateways one space.
const MOST_PADDING: usize = 8;

impl Cors {
    pub(crate) fn new(policy: &profiles::Cors) -> Self {
        let exposed: Vec<_> = policy.exposed_headers.iter().map(profiles::FieldName::as_str).collect();
        Self {
            origins: policy.origins.iter().map(|origin| value(origin.as_str())).collect(),
            methods: policy.methods.iter().map(|method| value(method.as_str())).collect(),
            request_headers: policy.request_headers.iter().map(|name| value(name.as_str())).collect(),
            exposed: (!exposed.is_empty()).then(|| value(&exposed.join(","))),
            credentials: policy.credentials,
            max_age: HeaderValue::from(policy.max_age.get().as_secs()),
        }
    }

    pub(crate) fn decide(&self, head: &Head, fields: &Fields<'_>) -> Decision {
        let options = head.method() == Method::OPTIONS;
        let asks = |field: &Field<'_>| !matches!(field, Field::Absent);
        if options && asks(&fields.origin) && asks(&fields.requested_method) {
            return self.preflight(head, fields).map_or(Decision::Refused, Decision::Preflight);
        }
        // OPTIONS is not cacheable (RFC 9110 section 9.3.7). Every other answer varies, also without a grant:
        // a cache must not serve it to another origin (Fetch, #cors-protocol-and-http-caches).
        Decision::Actual { granted: self.allowed(fields.origin), vary: !options }
    }

    fn preflight(&self, head: &Head, fields: &Fields<'_>) -> Option<Preflight> {
        let origin = self.allowed(fields.origin)?;
        let Field::One(requested) = fields.requested_method else {
            return None;
        };
        // Pages can send these without a preflight, so no list can withhold them (Fetch, #cors-safelisted-method).
        let safelisted = [&b"GET"[..], b"HEAD", b"POST"].contains(&requested.as_bytes());
        let method = if safelisted {
            None
        } else {
            // Methods are case-sensitive: `patch` is not PATCH (Fetch, #concept-method-normalize).
            Some(self.methods.iter().find(|method| *method == requested)?.clone())
        };
        let headers = match fields.requested_headers {
            Field::Absent => None,
            // Most pages request a single header.
            Field::One(name)
                if let Some(known) = self.request_headers.iter().find(|known| *known == name) =>
            {
                Some(known.clone())
            }
            Field::One(_) | Field::Ambiguous => {
                Some(self.requested_headers(head.headers())?).filter(|names| !names.is_empty())
            }
        };
        Some(Preflight { origin, method, headers })
    }

    /// Origins are compared whole, never by suffix: evil-example.com ends with example.com.
    fn allowed(&self, origin: Field<'_>) -> Option<HeaderValue> {
        match origin {
            Field::One(sent) => self.origins.iter().find(|allowed| *allowed == sent).cloned(),
            // Two Origin lines are ambiguous.
            Field::Absent | Field::Ambiguous => None,
        }
    }

    /// Writes the headers of the decision onto an answer. No other code writes these headers.
    pub(crate) fn write(&self, decision: Decision, answer: &mut HeaderMap) {
        let credentials = || self.credentials.then_some(HeaderValue::from_static("true"));
        // An answer may already have a `Vary` of its own (RFC 9110 section 12.5.5).
        let mut put = |name: HeaderName, value: Option<HeaderValue>| {
            if let Some(value) = value {
                answer.append(name, value);
            }
        };
        match decision {
            Decision::Refused => {}
            Decision::Preflight(Preflight { origin, method, headers }) => {
                put(ACCESS_CONTROL_ALLOW_ORIGIN, Some(origin));
                put(ACCESS_CONTROL_ALLOW_CREDENTIALS, credentials());
                put(ACCESS_CONTROL_ALLOW_METHODS, method);
                put(ACCESS_CONTROL_ALLOW_HEADERS, headers);
                put(ACCESS_CONTROL_MAX_AGE, Some(self.max_age.clone()));
            }
            Decision::Actual { granted, vary } => {
                if let Some(origin) = granted {
                    put(ACCESS_CONTROL_ALLOW_ORIGIN, Some(origin));
                    put(ACCESS_CONTROL_ALLOW_CREDENTIALS, credentials());
                    put(ACCESS_CONTROL_EXPOSE_HEADERS, self.exposed.clone());
                }
                put(VARY, vary.then_some(HeaderValue::from_static("Origin")));
            }
        }
    }

    /// The requested names, each once, empty when there are none; `None` when one is not on the list or the field
    /// exceeds its bounds. Case, order, whitespace, empty elements and several lines are tolerated: gateways rewrite
    /// this field.
    fn requested_headers(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let longest = self.request_headers.iter().map(HeaderValue::len).max().unwrap_or(0);
        let mut found: [&[u8]; MOST_NAMES] = [b""; MOST_NAMES];
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
                if !found[..distinct].contains(&known.as_bytes()) {
                    found[distinct] = known.as_bytes();
                    distinct += 1;
                }
            }
        }
        let mut lines = headers.get_all(ACCESS_CONTROL_REQUEST_HEADERS).iter();
        Some(match (lines.next(), lines.next()) {
            // Browsers already send the normal form: each name once, in lower case, between commas.
            (Some(line), None) if as_sent && empty == 0 && distinct == names => line.clone(),
            _ => HeaderValue::from_bytes(&found[..distinct].join(&b',')).expect("names and commas"),
        })
    }
}

impl Decision {
    pub(crate) fn is_preflight(&self) -> bool {
        !matches!(self, Self::Actual { .. })
    }

    /// Whether the page's origin is declared.
    pub(crate) fn grants(&self) -> bool {
        match self {
            Self::Refused => false,
            Self::Preflight(_) => true,
            Self::Actual { granted, .. } => granted.is_some(),
        }
    }

    /// The same decision for an answer with content: an allowed preflight whose head is refused is answered like any
    /// other refusal.
    pub(crate) fn with_content(self) -> Self {
        match self {
            Self::Preflight(Preflight { origin, .. }) => Self::Actual { granted: Some(origin), vary: false },
            decision => decision,
        }
    }
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("origins, methods and names are visible ASCII: parsed by `profiles`")
}

#[cfg(test)]
#[path = "cors_tests.rs"]
mod tests;
