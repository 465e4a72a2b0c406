//! The deadlines of a client on real sockets: to begin, to send, to read, and to send the next request.

use std::time::Duration;

use futures_util::FutureExt as _;
use http::{Method, StatusCode};
use server::{Handler, Reply, Route, RouteKind, Running, Served};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use crate::http::assert_problem;
use crate::support::{Answer, NO_DATABASE, production, raw, request, rest, serve_with};

/// Larger than the socket buffers of both ends.
const LARGE: usize = 16 << 20;

const ROUTE: Route = Route {
    path: |_| "/large",
    methods: &[(
        Method::GET,
        Handler::Async(|_| std::future::ready(Ok(Reply::json(StatusCode::OK, &"x".repeat(LARGE)))).boxed()),
    )],
    served: Served::Always,
    kind: RouteKind::Api,
    summary: "More than a socket holds.",
};
const SMALL: Route = Route {
    path: |_| "/small",
    methods: &[
        (
            Method::GET,
            Handler::Async(|_| std::future::ready(Ok(Reply::json(StatusCode::OK, &"small"))).boxed()),
        ),
        (
            Method::PUT,
            Handler::Async(|_| std::future::ready(Ok(Reply::json(StatusCode::OK, &"put"))).boxed()),
        ),
    ],
    ..ROUTE
};
static ROUTES: &[&Route] = &[&ROUTE, &SMALL];

const HEAD: Duration = Duration::from_millis(400);
const KEEP_ALIVE: Duration = Duration::from_millis(1500);
const WRITE: Duration = Duration::from_millis(700);
/// A margin for a busy machine.
const LATE: Duration = Duration::from_secs(2);

async fn serve() -> Running {
    let impatient = production(&[
        ("header_timeout = \"10s\"", "header_timeout = \"400ms\""),
        ("keep_alive_timeout = \"75s\"", "keep_alive_timeout = \"1500ms\""),
        ("write_timeout = \"30s\"", "write_timeout = \"700ms\""),
        ("header_limit = \"32KiB\"", "header_limit = \"8KiB\""),
    ]);
    serve_with(&impatient, NO_DATABASE, ROUTES).await
}

fn assert_within(started: Instant, least: Duration) {
    let took = started.elapsed();
    assert!(took >= least.mul_f32(0.9) && took < least + LATE, "{took:?}, and {least:?} are granted");
}

#[tokio::test]
async fn a_client_that_says_nothing_is_closed_without_a_word() {
    let service = serve().await;
    let started = Instant::now();
    let mut silent = TcpStream::connect(service.local_addr()).await.unwrap();
    assert_eq!(rest(&mut silent).await, "");
    assert_within(started, HEAD);
}

#[tokio::test]
async fn half_a_head_is_408_and_so_is_half_an_http_2_preface() {
    let service = serve().await;
    for half in ["GET /small HTTP/1.1\r\nhost: a", "PRI * HT", "G"] {
        let started = Instant::now();
        assert_problem(&Answer::parse(&raw(service.local_addr(), half).await), 408);
        assert_within(started, HEAD);
    }
}

#[tokio::test]
async fn a_whole_http_2_preface_is_refused_at_once() {
    let service = serve().await;
    let answer = raw(service.local_addr(), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn a_drip_does_not_lengthen_the_time_for_a_head() {
    let service = serve().await;
    let started = Instant::now();
    let (mut reads, mut writes) = TcpStream::connect(service.local_addr()).await.unwrap().into_split();
    let drip = tokio::spawn(async move {
        for byte in request("GET", "/small", &[("x-long", &"x".repeat(200))]).into_bytes() {
            if writes.write_all(&[byte]).await.is_err() {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    });
    let mut answer = Vec::new();
    let _ = reads.read_to_end(&mut answer).await;
    assert_within(started, HEAD);
    assert_problem(&Answer::parse(&String::from_utf8(answer).unwrap()), 408);
    drip.abort();
}

#[tokio::test]
async fn an_open_connection_may_wait_longer_for_its_next_request_than_a_head_may_take() {
    let service = serve().await;
    let mut stream = TcpStream::connect(service.local_addr()).await.unwrap();
    for _ in 0..2 {
        stream.write_all(b"GET /small HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        assert!(whole_answer(&mut stream).await.ends_with("\"small\""));
        sleep(HEAD * 2).await;
    }
    // From the second answer on it is unchanged.
    let idle = Instant::now() - HEAD * 2;
    assert_eq!(rest(&mut stream).await, "", "closed without an answer");
    assert_within(idle, KEEP_ALIVE);
}

#[tokio::test]
async fn the_next_head_has_its_own_deadline_again() {
    let service = serve().await;
    let mut stream = TcpStream::connect(service.local_addr()).await.unwrap();
    stream.write_all(b"GET /small HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    whole_answer(&mut stream).await;
    sleep(HEAD).await;
    let started = Instant::now();
    stream.write_all(b"GET /small HTTP/1.1\r\n").await.unwrap();
    assert_problem(&Answer::parse(&rest(&mut stream).await), 408);
    assert_within(started, HEAD);
}

#[tokio::test]
async fn a_client_that_reads_nothing_or_too_slowly_is_cut() {
    let service = serve().await;
    for pause in [LATE * 2, Duration::from_millis(50)] {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(service.local_addr()).await.unwrap();
        stream.write_all(request("GET", "/large", &[]).as_bytes()).await.unwrap();
        let started = Instant::now();
        let (mut read, mut buffer) = (0, [0; 512]);
        // It reads slowly or not at all; the service must close long before all is read.
        while started.elapsed() < WRITE + LATE {
            sleep(pause).await;
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(some) => read += some,
            }
        }
        let mut left = Vec::new();
        let ended = timeout(LATE, stream.read_to_end(&mut left)).await.expect("the connection is closed");
        let read = read + ended.unwrap_or(left.len());
        assert!(read < LARGE / 2, "{read} bytes came");
    }
    // No connection is left to wait for.
    assert_eq!(service.stop().await, server::Drained { cut: 0 });
}

#[tokio::test]
async fn a_client_that_reads_gets_all_of_a_large_answer() {
    let service = serve().await;
    let answer = Answer::parse(&raw(service.local_addr(), request("GET", "/large", &[])).await);
    assert_eq!((answer.status, answer.body.len()), (200, LARGE + 2));
}

/// RFC 9112 section 6.1 lets a server refuse it, and ends the connection in any case.
#[tokio::test]
async fn a_message_with_two_lengths_is_400_and_nothing_is_served_after_it() {
    let service = serve().await;
    let smuggled = "GET /small HTTP/1.1\r\nhost: a\r\n\r\n";
    let two =
        "PUT /small HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    let answer = raw(service.local_addr(), format!("{two}{smuggled}")).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert_problem(&Answer::parse(&answer), 400);

    // After another request in the same packet the socket cannot find its beginning; hyper still ends the connection.
    let answers = raw(service.local_addr(), format!("{smuggled}{two}{smuggled}")).await;
    assert_eq!(answers.matches("HTTP/1.1 ").count(), 2, "{answers}");
    assert!(answers.contains("connection: close"), "{answers}");
}

#[tokio::test]
async fn a_head_with_a_bare_line_feed_is_400() {
    let service = serve().await;
    for head in [
        "GET /small HTTP/1.1\nhost: a\n\n",
        "GET /small HTTP/1.1\r\nhost: a\nx: y\r\n\r\n",
        "GET /small HTTP/1.1\r\nhost: a\r\n\n",
    ] {
        assert_problem(&Answer::parse(&raw(service.local_addr(), head).await), 400);
    }
}

/// hyper's own answers are bare; the client gets them in the form of all refusals.
#[tokio::test]
async fn what_cannot_be_parsed_is_refused_in_the_same_form() {
    let service = serve().await;
    for (bytes, status) in [
        ("\0\0\0\0\r\n\r\n".to_owned(), 400),
        ("GET /small HTTP/1.1\r\nhost a\r\n\r\n".to_owned(), 400),
        (request("GET", "/small", &[("x-long", &"x".repeat(80_000))]), 431),
        (format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(70_000)), 431),
    ] {
        let answer = raw(service.local_addr(), &bytes).await;
        assert_problem(&Answer::parse(&answer), status);
        assert!(answer.contains("\r\nconnection: close\r\n") && answer.contains("\r\ndate: "), "{answer}");
    }
}

/// An answer with `content-length`, on a connection that stays open.
async fn whole_answer(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    let mut buffer = [0; 4096];
    loop {
        let read = timeout(LATE, stream.read(&mut buffer)).await.expect("an answer comes").unwrap();
        assert_ne!(read, 0, "{answer}");
        answer.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        if let Some((head, body)) = answer.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() >= length.parse().unwrap() {
                return answer;
            }
        }
    }
}
