//! Requests over real sockets: every answer, also after an internal failure.

use std::time::Duration;

use futures_util::FutureExt as _;
use http::{Method, StatusCode};
use server::{Handler, Reply, Route, RouteKind, Served};
use tokio::time::sleep;

use crate::support::{A, Answer, NO_DATABASE, get, production, raw, request, send, serve, serve_with, until};

const BOOM: Route = Route {
    path: |_| "/boom",
    methods: &[(Method::GET, Handler::Async(|_| panic!("a panic that a test asks for")))],
    served: Served::Always,
    kind: RouteKind::Api,
    summary: "Panics.",
};
const LATER: Route = Route {
    path: |_| "/later",
    methods: &[(
        Method::GET,
        Handler::Async(|_| async { panic!("a panic that a test asks for, later") }.boxed()),
    )],
    ..BOOM
};
const SLOW: Route = Route {
    path: |_| "/slow",
    methods: &[(
        Method::GET,
        Handler::Async(|_| {
            async {
                sleep(Duration::from_mins(1)).await;
                Ok(Reply::empty(StatusCode::OK))
            }
            .boxed()
        }),
    )],
    ..BOOM
};
const THING: Route = Route {
    path: |_| "/api/things/{id}",
    methods: &[(
        Method::PUT,
        Handler::Async(|context| {
            let id = context.parameter("id").map(str::to_owned);
            let length = context.body().len();
            async move { Ok(Reply::json(StatusCode::OK, &(id, length))) }.boxed()
        }),
    )],
    ..BOOM
};
const JSON: Route = Route {
    path: |_| "/json",
    methods: &[(
        Method::POST,
        Handler::Async(|context| {
            let read = context.json::<(String, u8)>();
            async move { Ok(Reply::json(StatusCode::OK, &read?)) }.boxed()
        }),
    )],
    ..BOOM
};
static ROUTES: &[&Route] = &[&BOOM, &LATER, &SLOW, &THING, &JSON];

/// The headers of every answer with content; `stamped` names the missing ones.
fn assert_stamped(answer: &Answer) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("cross-origin-resource-policy", "same-origin"),
        ("strict-transport-security", "max-age=31536000"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}: {answer:?}");
    }
    assert!(answer.header("x-request-id").is_some(), "{answer:?}");
    assert_eq!(answer.header("server"), None);
}

pub(crate) fn assert_problem(answer: &Answer, status: u16) {
    assert_eq!((answer.status, answer.header("content-type")), (status, Some("application/problem+json")));
    let problem = answer.json();
    assert_eq!((&problem["type"], &problem["status"]), (&"about:blank".into(), &status.into()));
    assert_eq!(problem["request_id"].as_str(), answer.header("x-request-id"));
    assert_stamped(answer);
}

pub(crate) fn assert_granted(answer: &Answer) {
    assert_eq!(answer.header("access-control-allow-origin"), Some(A), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(answer.header("vary"), Some("Origin"));
}

#[tokio::test]
async fn unknown_paths_are_404_for_every_method() {
    let service = serve(&production(&[]), NO_DATABASE).await;
    for method in ["GET", "POST", "DELETE", "PATCH"] {
        assert_problem(&send(service.local_addr(), method, "/nothing", &[]).await, 404);
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_serve_is_405_with_exactly_what_it_serves() {
    let service = serve(&production(&[]), NO_DATABASE).await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE"] {
        let answer = send(service.local_addr(), method, "/health", &[]).await;
        assert_problem(&answer, 405);
        assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
    }
}

#[tokio::test]
async fn an_unknown_method_is_501() {
    let service = serve(&production(&[]), NO_DATABASE).await;
    for method in ["BREW", "get", "PROPFIND"] {
        assert_problem(&send(service.local_addr(), method, "/livez", &[]).await, 501);
    }
}

#[tokio::test]
async fn options_is_204_with_allow() {
    let service = serve(&production(&[]), NO_DATABASE).await;
    let answer = send(service.local_addr(), "OPTIONS", "/livez", &[]).await;
    assert_eq!((answer.status, answer.header("allow")), (204, Some("GET, HEAD, OPTIONS")));
    assert_eq!((answer.body.as_str(), answer.header("content-length")), ("", None));
    assert_eq!((answer.cors(), answer.header("vary")), (vec![], None));
    assert_stamped(&answer);
    assert_eq!(send(service.local_addr(), "OPTIONS", "*", &[]).await.status, 204);
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let service = serve(&production(&[]), NO_DATABASE).await;
    for path in ["/livez", "/readyz", "/health", "/nothing"] {
        let (get, head) =
            (get(service.local_addr(), path).await, send(service.local_addr(), "HEAD", path, &[]).await);
        let comparable = |answer: &Answer| {
            let mut headers = answer.headers.clone();
            headers.retain(|name, _| name != "x-request-id" && name != "date");
            (answer.status, headers)
        };
        assert_eq!(comparable(&get), comparable(&head), "{path}");
        assert_eq!(head.body, "", "{path}");
        assert_eq!(head.header("content-length"), Some(get.body.len().to_string().as_str()), "{path}");
    }
}

#[tokio::test]
async fn row_20_errors_and_panics_carry_the_grant() {
    let short = production(&[
        ("request_timeout = \"10s\"", "request_timeout = \"200ms\""),
        ("= \"2s\"", "= \"200ms\""),
        ("= \"500ms\"", "= \"100ms\""),
        ("body_timeout = \"8s\"", "body_timeout = \"100ms\""),
        ("= \"1s\"", "= \"100ms\""),
        ("rate_limit = 600", "rate_limit = 17"),
    ]);
    let service = serve_with(&short, NO_DATABASE, ROUTES).await;
    let plain = ("accept", "*/*");
    let (long, large) = (format!("/?{:x<8192}", ""), "x".repeat(32 << 10));
    for (method, path, status, more) in [
        ("GET", "//nothing", 400, plain),
        ("GET", "/nothing", 404, plain),
        ("GET", "/api/things/7", 405, plain),
        ("PUT", "/api/things/7", 408, ("content-length", "5")),
        ("PUT", "/api/things/7", 413, ("content-length", "1048577")),
        ("GET", &long, 414, plain),
        ("POST", "/json", 415, ("content-type", "text/plain")),
        ("POST", "/json", 400, ("content-type", "application/json")),
        ("GET", "/slow", 431, ("x-large", &large)),
        ("GET", "/boom", 500, plain),
        ("GET", "/later", 500, plain),
        ("BREW", "/slow", 501, plain),
        ("GET", "/slow", 503, plain),
    ] {
        let answer = send(service.local_addr(), method, path, &[("origin", A), more]).await;
        assert_problem(&answer, status);
        assert_granted(&answer);
    }
    // Only a page without a grant gets 403.
    let refused =
        send(service.local_addr(), "PUT", "/api/things/7", &[("origin", "https://evil.example")]).await;
    assert_problem(&refused, 403);
    assert!(refused.cors().is_empty());
    until(async || {
        let answer = send(service.local_addr(), "GET", "/nothing", &[("origin", A)]).await;
        if answer.status == 429 {
            assert_problem(&answer, 429);
            assert_granted(&answer);
        }
        answer.status == 429
    })
    .await;
}

#[tokio::test]
async fn the_service_outlives_a_panic() {
    let service = serve_with(&production(&[]), NO_DATABASE, ROUTES).await;
    let twice = "GET /boom HTTP/1.1\r\nhost: a\r\n\r\n".to_owned() + &request("GET", "/later", &[]);
    let answers = raw(service.local_addr(), twice).await;
    assert_eq!(answers.matches("HTTP/1.1 500").count(), 2, "{answers}");
    assert!(!answers.contains("a test asks for"), "{answers}");
}

#[tokio::test]
async fn row_22_a_preflight_is_answered_before_routing() {
    let service = serve(&production(&[]), NO_DATABASE).await;
    for path in ["/health", "/nothing"] {
        let asked = [
            ("origin", A),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", "authorization"),
        ];
        let answer = send(service.local_addr(), "OPTIONS", path, &asked).await;
        assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, Some(A)), "{path}");
        assert_eq!(answer.header("access-control-allow-methods"), Some("PUT"));
        assert_eq!(answer.header("access-control-allow-headers"), Some("authorization"));
        assert_eq!(answer.header("content-length"), None);
        assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"));
        assert!(answer.header("x-request-id").is_some(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_refused_preflight_is_403_without_any_access_control_header() {
    let service = serve(&production(&[]), NO_DATABASE).await;
    let asked = [("origin", "https://evil.example"), ("access-control-request-method", "GET")];
    let answer = send(service.local_addr(), "OPTIONS", "/health", &asked).await;
    assert_problem(&answer, 403);
    assert!(answer.cors().is_empty());
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let service = serve_with(&production(&[]), NO_DATABASE, ROUTES).await;
    let foreign = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
    let answer = send(service.local_addr(), "PUT", "/api/things/7", &foreign).await;
    assert_problem(&answer, 403);
    assert!(answer.cors().is_empty());
    // An unknown path looks the same to every page.
    assert_eq!(send(service.local_addr(), "PUT", "/nothing", &foreign).await.status, 404);
    assert_eq!(send(service.local_addr(), "DELETE", "/api/things/7", &foreign).await.status, 405);
    for fields in [
        &[("origin", A), ("sec-fetch-site", "cross-site")][..],
        &[("origin", "https://api.example.com")],
        &[],
    ] {
        assert_eq!(
            send(service.local_addr(), "PUT", "/api/things/7", fields).await.status,
            200,
            "{fields:?}"
        );
    }
}

#[tokio::test]
async fn hidden_docs_are_like_any_unknown_path() {
    let service = serve(&production(&[]), NO_DATABASE).await;
    let without_id = |answer: Answer| {
        let id = answer.header("x-request-id").unwrap().to_owned();
        let mut headers = answer.headers;
        headers.retain(|name, _| name != "x-request-id" && name != "date");
        (answer.status, headers, answer.body.replace(&id, "ID"))
    };
    for method in ["GET", "HEAD", "POST", "OPTIONS"] {
        let unknown = without_id(send(service.local_addr(), method, "/abcd", &[]).await);
        assert_eq!(unknown.0, 404);
        for path in ["/docs", "/openapi.json"] {
            let hidden = without_id(send(service.local_addr(), method, path, &[]).await);
            assert_eq!(hidden, unknown, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_route_has_its_parameter_and_its_body() {
    let service = serve_with(&production(&[]), NO_DATABASE, ROUTES).await;
    let answer =
        raw(service.local_addr(), request("PUT", "/api/things/a%20b", &[("content-length", "5")]) + "hello")
            .await;
    assert!(answer.ends_with("[\"a b\",5]"), "{answer}");
}

#[tokio::test]
async fn a_route_has_its_body_as_json() {
    let service = serve_with(&production(&[]), NO_DATABASE, ROUTES).await;
    for (sent, status) in [(r#"["a", 1]"#, 200), (r#"["a", 1"#, 400), (r#"["a"]"#, 422)] {
        let length = sent.len().to_string();
        let fields = [("content-type", "application/json"), ("content-length", &length)];
        let answer = raw(service.local_addr(), request("POST", "/json", &fields) + sent).await;
        assert_eq!(Answer::parse(&answer).status, status, "{sent}: {answer}");
    }
    let refused = send(service.local_addr(), "POST", "/json", &[("content-type", "text/plain")]).await;
    assert_eq!((refused.status, refused.header("accept")), (415, Some("application/json")));
}

#[tokio::test]
async fn a_streamed_body_is_cut_at_the_limit() {
    let service =
        serve_with(&production(&[("body_limit = \"1MiB\"", "body_limit = \"64B\"")]), NO_DATABASE, ROUTES)
            .await;
    let chunk = format!("20\r\n{}\r\n", "x".repeat(32));
    let chunked = |count: usize, end: &str| {
        request("PUT", "/api/things/7", &[("transfer-encoding", "chunked")]) + &chunk.repeat(count) + end
    };
    let fits = raw(service.local_addr(), chunked(2, "0\r\n\r\n")).await;
    assert!(fits.ends_with("[\"7\",64]"), "{fits}");
    // No last chunk: a body that is already too large is refused before its end.
    let large = Answer::parse(&raw(service.local_addr(), chunked(3, "")).await);
    assert_problem(&large, 413);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_408_and_ends_the_connection() {
    let hasty = production(&[("body_timeout = \"8s\"", "body_timeout = \"200ms\"")]);
    let service = serve_with(&hasty, NO_DATABASE, ROUTES).await;
    for (fields, part) in [
        ("content-length: 5", "hell"),
        ("content-length: 5", ""),
        ("transfer-encoding: chunked", "4\r\nhell\r\n"),
    ] {
        let request = format!("PUT /api/things/7 HTTP/1.1\r\nhost: a\r\n{fields}\r\n\r\n{part}");
        let answer = Answer::parse(&raw(service.local_addr(), request).await);
        assert_problem(&answer, 408);
        assert_eq!(answer.header("connection"), Some("close"));
    }
}

#[tokio::test]
async fn an_ambiguous_host_is_400() {
    let service = serve(&production(&[]), NO_DATABASE).await;
    for host in ["", "host: a\r\nhost: a\r\n", "host: a b\r\n", "host: user@a\r\n", "host: a,b\r\n"] {
        let answer =
            raw(service.local_addr(), format!("GET /livez HTTP/1.1\r\n{host}connection: close\r\n\r\n"));
        assert_problem(&Answer::parse(&answer.await), 400);
    }
    let old = raw(service.local_addr(), "GET /livez HTTP/1.0\r\n\r\n").await;
    assert!(old.contains(" 200 OK"), "{old}");
}

#[tokio::test]
async fn a_body_may_speak_of_lengths() {
    let service = serve_with(&production(&[]), NO_DATABASE, ROUTES).await;
    let start =
        "PUT /api/things/7 HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    let part = "--b\r\ncontent-length: 5\r\n\r\nhello\r\n";
    let request = format!("{start}{:x}\r\n{part}\r\n0\r\n\r\n", part.len());
    let answer = raw(service.local_addr(), request).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn a_head_beyond_the_limit_is_431() {
    let service =
        serve(&production(&[("header_limit = \"32KiB\"", "header_limit = \"8KiB\"")]), NO_DATABASE).await;
    let answer = send(service.local_addr(), "GET", "/livez", &[("x-long", &"x".repeat(9_000))]).await;
    assert_problem(&answer, 431);
    // hyper refuses a head that exceeds its read buffer, before it is a request.
    let answer =
        raw(service.local_addr(), request("GET", "/livez", &[("x-long", &"x".repeat(30_000))])).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn a_target_beyond_the_limit_is_414() {
    let service = serve(&production(&[]), NO_DATABASE).await;
    let target = |length: usize| format!("/livez?{:x<1$}", "", length - "/livez?".len());
    assert_eq!(get(service.local_addr(), &target(8 << 10)).await.status, 200);
    assert_problem(&get(service.local_addr(), &target((8 << 10) + 1)).await, 414);
}

#[tokio::test]
async fn a_path_with_two_readings_is_400() {
    let service = serve(&production(&[]), NO_DATABASE).await;
    for path in ["//livez", "/api/../livez", "/%2e%2e/livez", "/livez%2f", "/livez%00", "/livez%", "/%ff"] {
        assert_problem(&get(service.local_addr(), path).await, 400);
    }
}

#[tokio::test]
async fn the_release_is_named_where_it_is_known() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let environment = server::Environment::new([
        ("DATABASE_URL", NO_DATABASE),
        ("RAILWAY_GIT_COMMIT_SHA", "0123456789abcdef0123456789abcdef01234567"),
    ]);
    let service = server::start(&production(&[]), &environment, listener).unwrap();
    let answer = get(service.local_addr(), "/livez").await;
    assert_eq!(answer.header("x-release"), Some("0123456789abcdef0123456789abcdef01234567"));

    let service = serve(&production(&[]), NO_DATABASE).await;
    assert_eq!(get(service.local_addr(), "/livez").await.header("x-release"), None);
}

#[tokio::test]
async fn request_ids_are_the_services_own() {
    let service = serve(&production(&[]), NO_DATABASE).await;
    let answer = send(service.local_addr(), "GET", "/livez", &[("x-request-id", "mine")]).await;
    assert_ne!(answer.header("x-request-id"), Some("mine"));
}
