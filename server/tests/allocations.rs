//! The CORS decision makes no heap allocation. This is a separate program because it counts with its own allocator.

#![expect(clippy::unwrap_used, reason = "clippy knows tests only where `#[test]` stands")]

use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
};
use http::{HeaderMap, HeaderName, Request};
use profiles::Declaration;
use server::{Head, Policy, ROUTES};

const ALLOWED: &str = "https://todo.example.com";

fn production() -> Policy {
    let today = jiff::civil::date(2026, 1, 1);
    let profile = Declaration::load("production", today).unwrap().profile;
    assert_eq!(profile.cors.origins[0].as_str(), ALLOWED);
    Policy::new(&profile, ROUTES, None).unwrap()
}

/// The number of allocations, and whether the origin was granted.
fn count(policy: &Policy, method: &str, lines: &[(HeaderName, &str)]) -> (u64, bool) {
    let mut request = Request::builder().method(method).uri("/health").header("host", "api.example.com");
    for (name, value) in lines {
        request = request.header(name, *value);
    }
    let (head, ()) = Head::split(request.body(()).unwrap());
    let mut headers = HeaderMap::with_capacity(24);
    // The first copy of a value makes it a shared one, which allocates.
    policy.cors(&head, &mut headers);
    headers.clear();
    let counted = allocation_counter::measure(|| policy.cors(&head, &mut headers));
    (counted.count_total, headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN))
}

#[test]
fn cors_allocates_nothing_for_an_actual_request() {
    let policy = production();
    for origin in [ALLOWED, "https://evil.example.com", "null"] {
        for method in ["GET", "PUT", "OPTIONS"] {
            let counted = count(&policy, method, &[(ORIGIN, origin)]);
            assert_eq!(counted, (0, origin == ALLOWED), "{method} from {origin}");
        }
    }
    assert_eq!(count(&policy, "GET", &[]), (0, false));
}

#[test]
fn cors_allocates_nothing_for_a_preflight_as_browsers_send_it() {
    let policy = production();
    for (origin, method, names, granted) in [
        (ALLOWED, "GET", None, true),
        (ALLOWED, "PUT", None, true),
        (ALLOWED, "DELETE", Some("content-type"), true),
        (ALLOWED, "POST", Some("authorization,content-type"), true),
        (ALLOWED, "BREW", None, false),
        (ALLOWED, "PUT", Some("x-unknown"), false),
        ("https://evil.example.com", "PUT", Some("content-type"), false),
    ] {
        let mut lines = vec![(ORIGIN, origin), (ACCESS_CONTROL_REQUEST_METHOD, method)];
        lines.extend(names.map(|names| (ACCESS_CONTROL_REQUEST_HEADERS, names)));
        assert_eq!(count(&policy, "OPTIONS", &lines), (0, granted), "{method} {names:?} from {origin}");
    }
}

#[test]
fn a_list_that_a_gateway_has_rewritten_costs_a_list() {
    let lines = [
        (ORIGIN, ALLOWED),
        (ACCESS_CONTROL_REQUEST_METHOD, "PUT"),
        (ACCESS_CONTROL_REQUEST_HEADERS, "Content-Type, Authorization"),
    ];
    let (allocations, granted) = count(&production(), "OPTIONS", &lines);
    assert!(granted && (1..=3).contains(&allocations), "{allocations} allocations");
}
