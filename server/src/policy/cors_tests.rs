//! The behaviour table of the CORS decision: every row a test.

use http::Request;
use jiff::civil::date;
use profiles::Declaration;
use proptest::prelude::*;

use super::*;

const A: &str = "https://todo.example.com";
const E: &str = "https://evil.example";

fn cors() -> Cors {
    Cors::new(&Declaration::load("production", date(2026, 1, 1)).unwrap().profile.cors)
}

fn head(method: &str, fields: &[(&str, &[u8])]) -> Head {
    let mut request = Request::builder().method(method).uri("/anything").header("host", "api.example.com");
    for (name, value) in fields {
        request = request.header(*name, HeaderValue::from_bytes(value).unwrap());
    }
    Head::split(request.body(()).unwrap()).0
}

/// The CORS headers of the answer, sorted, or `403`.
fn answer(method: &str, fields: &[(&str, &str)]) -> Vec<String> {
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    let cors = cors();
    let head = head(method, &fields);
    let decision = cors.decide(&head, &head.fields());
    let refused = decision == Decision::Refused;
    let mut headers = HeaderMap::new();
    cors.write(decision, &mut headers);
    let mut lines: Vec<_> =
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.extend(refused.then(|| "403".to_owned()));
    lines.sort();
    lines
}

fn preflight(origin: &str, method: &str, fields: &[(&str, &str)]) -> Vec<String> {
    let mut all = vec![("origin", origin), ("access-control-request-method", method)];
    all.extend(fields);
    answer("OPTIONS", &all)
}

fn granted() -> Vec<String> {
    vec![
        "access-control-allow-credentials: true".to_owned(),
        format!("access-control-allow-origin: {A}"),
        "access-control-expose-headers: x-request-id".to_owned(),
        "vary: Origin".to_owned(),
    ]
}

fn allowed(more: &[&str]) -> Vec<String> {
    let mut lines = vec![
        "access-control-allow-credentials: true".to_owned(),
        format!("access-control-allow-origin: {A}"),
        "access-control-max-age: 600".to_owned(),
    ];
    lines.extend(more.iter().map(ToString::to_string));
    lines.sort();
    lines
}

fn with_names(names: &str) -> Vec<String> {
    preflight(A, "PUT", &[("access-control-request-headers", names)])
}

const VARY: [&str; 1] = ["vary: Origin"];
const REFUSED: [&str; 1] = ["403"];
const NOTHING: [&str; 0] = [];

#[test]
fn row_1_an_allowed_origin_may_read_the_answer() {
    assert_eq!(answer("GET", &[("origin", A)]), granted());
}

#[test]
fn row_2_another_origin_gets_the_answer_and_no_grant() {
    assert_eq!(answer("GET", &[("origin", E)]), VARY);
}

#[test]
fn row_3_an_answer_without_origin_varies_too() {
    assert_eq!(answer("GET", &[]), VARY);
}

#[test]
fn row_4_options_with_origin_and_requested_method_is_a_preflight() {
    assert_eq!(preflight(A, "GET", &[]), allowed(&[]));
    let asked = [("access-control-request-method", "PUT")];
    assert_eq!(answer("OPTIONS", &asked), NOTHING, "without Origin it is none");
    assert_eq!(answer("GET", &[("origin", A), asked[0]]), granted(), "and GET never is one");
}

#[test]
fn row_5_options_without_requested_method_is_an_actual_request() {
    assert_eq!(answer("OPTIONS", &[("origin", A)]), granted()[..3]);
}

#[test]
fn row_6_plain_options_is_not_cors() {
    assert_eq!(answer("OPTIONS", &[]), NOTHING);
}

#[test]
fn row_7_a_preflight_learns_only_the_method_it_asked_for() {
    assert_eq!(preflight(A, "PUT", &[]), allowed(&["access-control-allow-methods: PUT"]));
}

#[test]
fn row_8_safelisted_methods_pass_unnamed() {
    for method in ["GET", "HEAD", "POST"] {
        assert_eq!(preflight(A, method, &[]), allowed(&[]), "{method}");
    }
}

#[test]
fn row_9_an_unlisted_method_is_refused() {
    for method in ["patch", "put", "*", "TRACE", "CONNECT", "OPTIONS", "BREW", "", "PUT, DELETE", "get"] {
        assert_eq!(preflight(A, method, &[]), REFUSED, "{method}");
    }
    let twice = [("access-control-request-method", "DELETE")];
    assert_eq!(preflight(A, "PUT", &twice), REFUSED, "two lines");
}

#[test]
fn row_10_an_unlisted_header_is_refused() {
    for names in ["x-secret", "authorization,x-secret", "*", "author", "authorization-", "auth orization"] {
        assert_eq!(with_names(names), REFUSED, "{names}");
    }
}

#[test]
fn row_11_gateways_may_pad_the_list_and_split_it() {
    let both = allowed(&[
        "access-control-allow-methods: PUT",
        "access-control-allow-headers: authorization,content-type",
    ]);
    for names in
        ["authorization,content-type", " authorization ,\tcontent-type ", ",authorization,,content-type,"]
    {
        assert_eq!(with_names(names), both, "{names}");
    }
    let lines = [
        ("access-control-request-headers", "authorization"),
        ("access-control-request-headers", "content-type"),
    ];
    assert_eq!(preflight(A, "PUT", &lines), both);
    for names in ["", " ", ",", ", ,"] {
        assert_eq!(with_names(names), allowed(&["access-control-allow-methods: PUT"]), "{names:?}");
    }
}

#[test]
fn row_12_case_order_and_repetition_do_not_matter() {
    let expected = allowed(&[
        "access-control-allow-methods: PUT",
        "access-control-allow-headers: content-type,authorization",
    ]);
    assert_eq!(with_names("Content-Type,AUTHORIZATION,content-type"), expected);
}

#[test]
fn row_13_the_list_is_read_in_bounded_work() {
    assert_eq!(with_names(&",".repeat(15)), allowed(&["access-control-allow-methods: PUT"]));
    assert_eq!(with_names(&",".repeat(16)), REFUSED);
    assert_eq!(with_names(&",".repeat(6_000)), REFUSED);
    assert_eq!(with_names(&"a".repeat(6_000)), REFUSED);
    assert_eq!(with_names(&format!("authorization{}", " ".repeat(6_000))), REFUSED);
    assert_eq!(with_names(&"authorization,".repeat(65)), REFUSED);
}

#[test]
fn row_14_a_preflight_of_another_origin_is_refused() {
    for method in ["GET", "POST", "PUT"] {
        assert_eq!(preflight(E, method, &[]), REFUSED, "{method}");
    }
}

#[test]
fn row_15_null_empty_wildcard_and_garbage_are_never_allowed() {
    for origin in ["null", "", "*", "garbage", "https://", "undefined"] {
        assert_eq!(answer("GET", &[("origin", origin)]), VARY, "{origin}");
        assert_eq!(preflight(origin, "GET", &[]), REFUSED, "{origin}");
    }
}

#[test]
fn row_16_a_near_miss_is_another_origin() {
    for origin in [
        "http://todo.example.com",
        "https://todo.example.com:443",
        "https://todo.example.com:8443",
        "https://todo.example.com.",
        "https://todo.example.com/",
        "https://todo.example.com/path",
        "https://user@todo.example.com",
        "https://todo.example.com?x",
        "https://todo.example.com#x",
    ] {
        assert_eq!(answer("GET", &[("origin", origin)]), VARY, "{origin}");
        assert_eq!(preflight(origin, "GET", &[]), REFUSED, "{origin}");
    }
}

#[test]
fn row_17_upper_case_is_another_origin() {
    for origin in ["HTTPS://todo.example.com", "https://Todo.example.com", "https://TODO.EXAMPLE.COM"] {
        assert_eq!(answer("GET", &[("origin", origin)]), VARY, "{origin}");
    }
}

#[test]
fn row_18_prefixes_suffixes_and_lookalikes_are_other_origins() {
    for origin in [
        "https://todo.example.com.evil.example",
        "https://evil-todo.example.com",
        "https://eviltodo.example.com",
        "https://a.todo.example.com",
        "https://todoxexample.com",
        "https://example.com",
        "https://todo.example.co",
        "https://todo.example.comm",
        "https://[todo.example.com]",
        "https://todo.example.com,https://evil.example",
        "https://todo.example.com https://www.example.com",
    ] {
        assert_eq!(answer("GET", &[("origin", origin)]), VARY, "{origin}");
    }
}

#[test]
fn row_19_two_origin_lines_are_granted_nothing() {
    for pair in [[A, E], [E, A], [A, A]] {
        let lines = [("origin", pair[0]), ("origin", pair[1])];
        assert_eq!(answer("GET", &lines), VARY);
        let asked = [lines[0], lines[1], ("access-control-request-method", "GET")];
        assert_eq!(answer("OPTIONS", &asked), REFUSED);
    }
}

// Row 20, grants on errors and panics, needs answers: tests/http.rs.

#[test]
fn row_21_private_network_access_is_ignored() {
    let asked = [("access-control-request-private-network", "true")];
    assert_eq!(preflight(A, "GET", &asked), allowed(&[]));
}

// Row 22, preflights for unknown paths, needs a router: tests/http.rs.

#[test]
fn row_23_exposed_headers_stand_on_actual_answers_only() {
    assert!(!preflight(A, "PUT", &[]).iter().any(|line| line.contains("expose")));
}

#[test]
fn without_credentials_the_header_is_absent() {
    let mut policy = Declaration::load("production", date(2026, 1, 1)).unwrap().profile.cors;
    policy.credentials = false;
    let mut headers = HeaderMap::new();
    let cors = Cors::new(&policy);
    let head = head("GET", &[("origin", A.as_bytes())]);
    cors.write(cors.decide(&head, &head.fields()), &mut headers);
    assert!(headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
    assert!(!headers.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS));
}

/// Any bytes that a field value may hold (RFC 9110 section 5.5).
fn field_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![Just(b'\t'), b' '..=b'~', 0x80..=0xff_u8];
    proptest::collection::vec(byte, 0..80)
}

/// Most of them close to an allowed origin.
fn origins() -> impl Strategy<Value = Vec<u8>> {
    let near = (0..A.len(), b' '..=b'~').prop_map(|(at, byte)| {
        let mut origin = A.as_bytes().to_vec();
        origin[at] = byte;
        origin
    });
    let longer = (field_bytes(), field_bytes())
        .prop_map(|(before, after)| [&before[..], A.as_bytes(), &after[..]].concat());
    prop_oneof![field_bytes(), near, longer]
}

proptest! {
    #[test]
    fn bytes_that_are_not_exactly_an_allowed_origin_are_granted_nothing(origin in origins()) {
        prop_assume!(![A.as_bytes(), b"https://www.example.com"].contains(&&origin[..]));
        let policy = cors();
        for method in ["GET", "POST", "OPTIONS"] {
            for asked in [&[][..], &[("access-control-request-method", &b"GET"[..])]] {
                let mut fields = vec![("origin", &origin[..])];
                fields.extend(asked);
                let mut headers = HeaderMap::new();
                let head = head(method, &fields);
                policy.write(policy.decide(&head, &head.fields()), &mut headers);
                prop_assert!(!headers.keys().any(|name| name.as_str().starts_with("access-control-")));
            }
        }
    }

    #[test]
    fn any_list_of_requested_headers_is_decided(names in field_bytes()) {
        let fields = [
            ("origin", A.as_bytes()),
            ("access-control-request-method", &b"PUT"[..]),
            ("access-control-request-headers", &names[..]),
        ];
        let policy = cors();
        let head = head("OPTIONS", &fields);
        policy.write(policy.decide(&head, &head.fields()), &mut HeaderMap::new());
    }
}
