//! Origin matching: an answer is granted exactly if the request has one `Origin` that equals, byte for byte, an origin
//! of the profile; and to that origin only.
//!
//! An input lists the profile's origins, one a line, then an empty line, then the `Origin` lines of the request.
#![no_main]

use std::sync::LazyLock;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderValue, ORIGIN, VARY,
};
use http::{HeaderMap, Request};
use libfuzzer_sys::{Corpus, fuzz_target};
use profiles::{Cors, Origin};
use server::fuzz::CorsPolicy;

static PRODUCTION: LazyLock<Cors> = LazyLock::new(|| fuzz::production().cors);

/// A method, and the requested method and headers of a preflight.
const REQUESTS: &[(&str, Option<&str>)] = &[
    ("GET", None),
    ("POST", Some("PUT")),
    ("OPTIONS", None),
    ("OPTIONS", Some("GET")),
    ("OPTIONS", Some("PUT")),
    ("OPTIONS", Some("put")),
];

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some([listed, sent]) = fuzz::lists(data) else { return Corpus::Reject };
    let Ok(values) = sent.iter().map(|line| HeaderValue::from_bytes(line)).collect::<Result<Vec<_>, _>>()
    else {
        return Corpus::Reject;
    };
    let origins: Vec<Origin> = fuzz::parsed(&listed);
    for origin in &origins {
        assert!(is_exact(origin.as_str()), "{origin:?} is on the list");
    }
    let matched = match sent[..] {
        [only] => origins.iter().any(|origin| origin.as_str().as_bytes() == only),
        _ => false,
    };
    for credentials in [true, false] {
        let policy = CorsPolicy::new(&Cors { origins: origins.clone(), credentials, ..PRODUCTION.clone() });
        for (method, requested) in REQUESTS {
            let answer = policy.answer(request(method, *requested, &values));
            let is_preflight = *method == "OPTIONS" && requested.is_some() && !values.is_empty();
            let granted = matched && !(is_preflight && *requested == Some("put"));
            if is_preflight {
                assert_eq!(answer.is_some(), granted, "a preflight is allowed where its origin is");
            } else {
                assert!(answer.is_some(), "only a preflight is refused");
            }
            let answer = answer.unwrap_or_default();
            if granted {
                assert_eq!(lines(&answer, &ACCESS_CONTROL_ALLOW_ORIGIN), [sent[0]]);
            } else {
                let named = |name: &http::HeaderName| name.as_str().starts_with("access-control-");
                assert!(!answer.keys().any(named), "nothing is granted: {answer:?}");
            }
            let expected: &[&[u8]] = if granted && credentials { &[b"true"] } else { &[] };
            assert_eq!(lines(&answer, &ACCESS_CONTROL_ALLOW_CREDENTIALS), expected);
            let expected: &[&[u8]] = if *method == "OPTIONS" { &[] } else { &[b"Origin"] };
            assert_eq!(lines(&answer, &VARY), expected, "a cache keeps the answers to two origins apart");
        }
    }
    Corpus::Keep
});

fn request(method: &str, requested: Option<&str>, origins: &[HeaderValue]) -> Request<()> {
    let mut request = Request::builder().method(method).uri("/things");
    for origin in origins {
        request = request.header(ORIGIN, origin);
    }
    if let Some(requested) = requested {
        request = request.header(ACCESS_CONTROL_REQUEST_METHOD, requested);
    }
    request.body(()).expect("a method, a path and fields that are values")
}

fn lines<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> Vec<&'a [u8]> {
    headers.get_all(name).iter().map(HeaderValue::as_bytes).collect()
}

/// A scheme, a host and an optional port, in characters that browsers never normalise.
fn is_exact(origin: &str) -> bool {
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte);
    host.is_some_and(|host| !host.is_empty() && !host.ends_with(['.', ':']) && host.bytes().all(plain))
}
