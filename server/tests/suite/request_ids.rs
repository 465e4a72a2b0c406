//! The id of a request, and its trace.

use futures_util::FutureExt as _;
use http::{Method, StatusCode};
use profiles::Declaration;
use server::{Context, Handler, Reply, Route, RouteKind, Served};

use crate::support::{NO_DATABASE, production, raw, request, send, serve, serve_with};

/// Answers with the trace headers for the next service.
const NEXT: Route = Route {
    path: |_| "/next",
    methods: &[(Method::GET, Handler::Async(|context| async move { Ok(next(&context)) }.boxed()))],
    served: Served::Always,
    kind: RouteKind::Api,
    summary: "Asks another service.",
};

fn next(context: &Context) -> Reply {
    let text = |value: http::HeaderValue| value.to_str().map(str::to_owned).ok();
    let trace = context.trace();
    Reply::json(StatusCode::OK, &(text(trace.traceparent()), trace.tracestate().and_then(text)))
}

/// The production profile behind a proxy on this machine.
fn behind_a_proxy() -> Declaration {
    production(&[("trusted = [\"100.64.0.0/10\"]", "trusted = [\"127.0.0.0/8\"]")])
}

#[tokio::test]
async fn a_trusted_proxys_id_names_answer_and_problem() {
    let service = serve(&behind_a_proxy(), NO_DATABASE).await;
    for (path, status) in [("/livez", 200), ("/nothing", 404)] {
        let answer = send(service.local_addr(), "GET", path, &[("x-request-id", "edge-0.7_Z")]).await;
        assert_eq!((answer.status, answer.header("x-request-id")), (status, Some("edge-0.7_Z")));
        if status == 404 {
            assert_eq!(answer.json()["request_id"], "edge-0.7_Z");
        }
    }
}

#[tokio::test]
async fn an_id_that_is_not_well_formed_is_replaced() {
    let service = serve(&behind_a_proxy(), NO_DATABASE).await;
    let long = "x".repeat(65);
    for id in ["a b", "\"};evil", "<script>", "é", &long] {
        let answer = send(service.local_addr(), "GET", "/nothing", &[("x-request-id", id)]).await;
        let name = answer.header("x-request-id").unwrap();
        assert!(
            name != id && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'),
            "{name}"
        );
        assert_eq!(answer.json()["request_id"], name);
    }
    let twice =
        send(service.local_addr(), "GET", "/livez", &[("x-request-id", "a"), ("x-request-id", "b")]).await;
    assert!(!["a", "b"].contains(&twice.header("x-request-id").unwrap()));
}

#[tokio::test]
async fn requests_of_one_connection_differ() {
    let service = serve(&production(&[]), NO_DATABASE).await;
    let two = "GET /livez HTTP/1.1\r\nhost: a\r\n\r\n".to_owned() + &request("GET", "/livez", &[]);
    let answers = raw(service.local_addr(), two).await;
    let ids: Vec<_> = answers.lines().filter_map(|line| line.strip_prefix("x-request-id: ")).collect();
    assert!(ids.len() == 2 && ids[0] != ids[1], "{answers}");
}

#[tokio::test]
async fn the_next_service_is_told_of_the_callers_trace() {
    let service = serve_with(&production(&[]), NO_DATABASE, &[&NEXT]).await;
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let fields = [("traceparent", parent), ("tracestate", "congo=t61rcWkgMzE"), ("tracestate", "rojo=1")];
    let told = send(service.local_addr(), "GET", "/next", &fields).await.json();
    let next = told[0].as_str().unwrap();
    assert!(next.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && next.ends_with("-01"), "{next}");
    assert_ne!(next, parent, "a span of its own");
    assert_eq!(told[1], "congo=t61rcWkgMzE,rojo=1");
}

#[tokio::test]
async fn without_one_it_is_told_of_a_new_trace() {
    let service = serve_with(&production(&[]), NO_DATABASE, &[&NEXT]).await;
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut seen = std::collections::HashSet::new();
    for fields in [
        &[][..],
        &[("tracestate", "congo=1")],
        &[("traceparent", parent), ("traceparent", parent)],
        &[("traceparent", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01")],
    ] {
        let told = send(service.local_addr(), "GET", "/next", fields).await.json();
        assert!(told[1].is_null(), "{told}");
        assert!(seen.insert(told[0].as_str().unwrap().split('-').nth(1).unwrap().to_owned()), "{told}");
    }
    assert!(!seen.contains("4bf92f3577b34da6a3ce929d0e0e4736"));
}
