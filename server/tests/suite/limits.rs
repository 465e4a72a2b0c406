//! The limits of all clients together and of each client, on real sockets.

use std::time::Duration;

use futures_util::FutureExt as _;
use http::{Method, StatusCode};
use server::{HEALTH, Handler, LIVEZ, Reply, Route, RouteKind, Served};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::http::{assert_granted, assert_problem};
use crate::support::{A, NO_DATABASE, get, production, send, serve_with, until};

const DONE: Handler =
    Handler::Async(|_| std::future::ready(Ok(Reply::empty(StatusCode::NO_CONTENT))).boxed());

const QUICK: Route = Route {
    path: |_| "/quick",
    methods: &[(Method::GET, DONE)],
    served: Served::Always,
    kind: RouteKind::Api,
    summary: "Answers at once.",
};
const SLOW: Route = Route {
    path: |_| "/slow",
    methods: &[(
        Method::GET,
        Handler::Async(|_| {
            async {
                sleep(Duration::from_millis(1_500)).await;
                Ok(Reply::empty(StatusCode::NO_CONTENT))
            }
            .boxed()
        }),
    )],
    ..QUICK
};
const BOOM: Route = Route {
    path: |_| "/boom",
    methods: &[(Method::GET, Handler::Async(|_| async { panic!("a panic that a test asks for") }.boxed()))],
    ..QUICK
};
const PUT: Route = Route { path: |_| "/put", methods: &[(Method::PUT, DONE)], ..QUICK };
static LIMITED: &[&Route] = &[&QUICK, &SLOW, &BOOM, &PUT, &HEALTH, &LIVEZ];

#[tokio::test]
async fn beyond_the_most_requests_at_once_is_503_and_probes_are_exempt() {
    let narrow = production(&[("max_requests = 1000", "max_requests = 2")]);
    let service = serve_with(&narrow, NO_DATABASE, LIMITED).await;
    let address = service.local_addr();
    let slow = [0, 1].map(|_| tokio::spawn(async move { get(address, "/slow").await.status }));
    until(async || send(address, "GET", "/quick", &[]).await.status == 503).await;

    let refused = send(address, "GET", "/quick", &[("origin", A)]).await;
    assert_problem(&refused, 503);
    assert_granted(&refused);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(get(address, "/livez").await.status, 200);
    assert_eq!(get(address, "/nothing").await.status, 404, "an answer without a handler needs no permit");

    for slow in slow {
        assert_eq!(slow.await.unwrap(), 204, "a running request keeps its permit");
    }
    assert_eq!(get(address, "/quick").await.status, 204);
}

#[tokio::test]
async fn a_place_is_free_again_after_a_panic_and_after_a_client_that_left() {
    let narrow = production(&[("max_requests = 1000", "max_requests = 1")]);
    let service = serve_with(&narrow, NO_DATABASE, LIMITED).await;
    let address = service.local_addr();
    for _ in 0..3 {
        assert_eq!(get(address, "/boom").await.status, 500);
    }
    // A body that never arrives holds the only permit, until its connection closes.
    let mut gone = TcpStream::connect(address).await.unwrap();
    gone.write_all(b"PUT /put HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhe").await.unwrap();
    until(async || get(address, "/quick").await.status == 503).await;
    drop(gone);
    until(async || get(address, "/quick").await.status == 204).await;
}

#[tokio::test]
async fn beyond_a_clients_rate_is_429_whatever_it_asks_for() {
    let limited = production(&[("rate_limit = 600", "rate_limit = 6")]);
    let service = serve_with(&limited, NO_DATABASE, LIMITED).await;
    let address = service.local_addr();
    for (method, path, status) in [
        ("GET", "/quick", 204),
        ("GET", "/nothing", 404),
        ("POST", "/quick", 405),
        ("GET", "//quick", 400),
        ("OPTIONS", "/quick", 204),
        ("BREW", "/quick", 501),
    ] {
        assert_eq!(send(address, method, path, &[]).await.status, status, "{method} {path} counts");
    }
    for (method, path) in [("GET", "/quick"), ("GET", "/nothing"), ("POST", "/quick"), ("OPTIONS", "/quick")]
    {
        let forwarded = [("origin", A), ("x-forwarded-for", "203.0.113.9"), ("x-real-ip", "203.0.113.9")];
        let refused = send(address, method, path, &forwarded).await;
        assert_problem(&refused, 429);
        assert_eq!(
            refused.header("access-control-allow-origin"),
            Some(A),
            "a page may read when to try again"
        );
        let seconds: u32 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=10).contains(&seconds), "{seconds}");
    }
}

#[tokio::test]
async fn probes_and_preflights_neither_count_nor_are_refused() {
    let limited = production(&[("rate_limit = 600", "rate_limit = 1")]);
    let service = serve_with(&limited, NO_DATABASE, LIMITED).await;
    let address = service.local_addr();
    let exempt = async || {
        for origin in [A, "https://evil.example"] {
            let asked = [("origin", origin), ("access-control-request-method", "PUT")];
            let status = if origin == A { 204 } else { 403 };
            assert_eq!(send(address, "OPTIONS", "/quick", &asked).await.status, status);
        }
        assert_eq!(get(address, "/livez").await.status, 200);
        assert_eq!(get(address, "/health").await.status, 503, "there is no database");
    };
    exempt().await;
    assert_eq!(get(address, "/quick").await.status, 204);
    assert_eq!(get(address, "/quick").await.status, 429);
    exempt().await;
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_rate() {
    let limited = production(&[("rate_limit = 600", "rate_limit = 1"), ("100.64.0.0/10", "127.0.0.0/8")]);
    let service = serve_with(&limited, NO_DATABASE, LIMITED).await;
    for (client, status) in [
        ("203.0.113.9", 204),
        ("203.0.113.9", 429),
        ("203.0.113.10", 204),
        ("2001:db8::1", 204),
        ("2001:db8::ffff", 429),
        ("2001:db8:0:1::1", 204),
    ] {
        let answer = send(service.local_addr(), "GET", "/quick", &[("x-real-ip", client)]).await;
        assert_eq!(answer.status, status, "{client}");
    }
}
