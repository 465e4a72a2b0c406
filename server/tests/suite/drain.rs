//! The shutdown of the service by the platform.

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::FutureExt as _;
use http::{Method, StatusCode};
use server::{Handler, Reply, Route, RouteKind, Served};
use testkit::{Fault, FaultProxy, Port, Postgres};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use crate::load::{Connections, Load};
use crate::support::{
    Answer, LONG, NO_DATABASE, Program, changed, get, production, rest, serve_with, until_ready,
};

/// Larger than the socket buffers of both ends.
const LARGE: usize = 8 << 20;

const LARGE_ROUTE: Route = Route {
    path: |_| "/large",
    methods: &[(
        Method::GET,
        Handler::Async(|_| std::future::ready(Ok(Reply::json(StatusCode::OK, &"x".repeat(LARGE)))).boxed()),
    )],
    served: Served::Always,
    kind: RouteKind::Api,
    summary: "More than a socket holds.",
};
static LARGE_ROUTES: &[&Route] = &[&LARGE_ROUTE];

/// The development profile in a file, with a change.
fn profile(changes: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("changed.toml");
    std::fs::write(&file, changed(profiles::EMBEDDED[0].2, changes)).unwrap();
    (folder, file)
}

async fn start(profile: &str, database: &str) -> (Program, std::net::SocketAddr) {
    let port = Port::take().unwrap();
    let environment = [("DATABASE_URL", database), ("PORT", &port.to_string())];
    let program = Program::start(&["--profile", profile], &environment);
    (program, until_ready(&port).await)
}

async fn open(address: std::net::SocketAddr, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    // Long enough for the service to have read it.
    sleep(Duration::from_millis(200)).await;
    stream
}

#[tokio::test]
async fn sigterm_and_sigint_end_an_idle_service_at_once() {
    for signal in ["TERM", "INT"] {
        let (program, address) = start("development", NO_DATABASE).await;
        assert_eq!(get(address, "/livez").await.status, 200);
        // An idle keep-alive connection does not delay the end.
        let mut idle = open(address, "GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let started = Instant::now();
        program.signal(signal);
        assert!(rest(&mut idle).await.starts_with("HTTP/1.1 200"));
        let (status, output) = program.end().await;
        assert_eq!(status.code(), Some(0), "{output}");
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn readiness_fails_first_and_requests_under_way_are_finished() {
    let postgres = Postgres::start().unwrap();
    let proxy = FaultProxy::to(postgres.port()).await.unwrap();
    let (program, address) = start("development", &proxy.url()).await;
    assert_eq!(get(address, "/health").await.status, 200);
    assert_eq!(get(address, "/readyz").await.status, 200);

    proxy.set(Fault::Stall).await.unwrap();
    let mut under_way = open(address, "GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut half = open(address, "GET /readyz HTTP/1.1\r\nhost: a\r\n").await;
    program.signal("TERM");
    sleep(Duration::from_millis(200)).await;
    assert!(TcpStream::connect(address).await.is_err(), "no new connections");
    half.write_all(b"\r\n").await.unwrap();
    let not_ready = Answer::parse(&rest(&mut half).await);
    assert_eq!((not_ready.status, not_ready.body.as_str()), (503, "{\"status\":\"draining\"}"));
    assert_eq!(not_ready.header("connection"), Some("close"));
    proxy.set(Fault::None).await.unwrap();
    assert_eq!(Answer::parse(&rest(&mut under_way).await).status, 200);
    let (status, output) = program.end().await;
    assert_eq!(status.code(), Some(0), "{output}");
}

#[tokio::test]
async fn the_drain_has_a_hard_deadline() {
    let (_folder, file) = profile(&[("drain_timeout = \"5s\"", "drain_timeout = \"500ms\"")]);
    let (program, address) = start(file.to_str().unwrap(), NO_DATABASE).await;
    let mut half = open(address, "GET /livez HTTP/1.1\r\nhost: a\r\n").await;
    let started = Instant::now();
    program.signal("TERM");
    let (status, output) = program.end().await;
    assert_eq!(status.code(), Some(0), "{output}");
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert!(output.contains("cut what was still open"), "{output}");
    assert_eq!(rest(&mut half).await, "");
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let (program, address) = start("development", NO_DATABASE).await;
    let _half = open(address, "GET /livez HTTP/1.1\r\nhost: a\r\n").await;
    let started = Instant::now();
    program.signal("TERM");
    sleep(Duration::from_millis(200)).await;
    program.signal("TERM");
    let (status, output) = program.end().await;
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_service_in_process_stops_too() {
    let service = crate::support::serve(&crate::support::production(&[]), NO_DATABASE).await;
    let address = service.local_addr();
    let mut idle = open(address, "GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_eq!(service.stop().await, server::Drained { cut: 0 });
    assert!(rest(&mut idle).await.starts_with("HTTP/1.1 200"));
    assert!(TcpStream::connect(address).await.is_err());
}

const ASKED: &str = "GET /livez HTTP/1.1\r\nhost: api.example.com\r\n\r\n";
/// A margin for a busy machine.
const SOON: Duration = Duration::from_millis(200);

/// All bytes until the connection closes, without a reset.
async fn whole(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let ended = timeout(LONG, stream.read_to_end(&mut answer)).await.expect("the service closes in time");
    let text = String::from_utf8(answer).unwrap();
    assert!(ended.is_ok(), "{ended:?} after {text:?}");
    text
}

/// One answer, and the end. A stopped process may have read the request before it handles the signal.
fn assert_answered(text: &str) -> Answer {
    let answer = Answer::parse(text);
    assert_eq!((answer.status, answer.body.as_str()), (200, "{\"status\":\"ok\"}"), "{text}");
    answer
}

/// One answer with `connection: close`.
fn assert_last(text: &str) {
    assert_eq!(assert_answered(text).header("connection"), Some("close"), "{text}");
}

async fn ends_well(program: Program, started: Instant, within: Duration) -> String {
    let (status, output) = program.end().await;
    assert_eq!(status.code(), Some(0), "{output}");
    assert!(started.elapsed() < within, "{:?}: {output}", started.elapsed());
    output
}

/// The clients send requests while the service is stopped: the kernel completes their connections.
#[tokio::test]
async fn what_waits_in_the_queue_is_answered() {
    // The development profile allows 500 at once; the others wait for them.
    for waiting in [1, 60, 900] {
        let (program, address) = start("development", NO_DATABASE).await;
        program.signal("STOP");
        let mut clients = Vec::new();
        for _ in 0..waiting {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(ASKED.as_bytes()).await.unwrap();
            clients.push(client);
        }
        let started = Instant::now();
        program.signal("TERM");
        program.signal("CONT");
        for mut client in clients {
            assert_answered(&whole(&mut client).await);
        }
        ends_well(program, started, Duration::from_secs(5)).await;
    }
}

#[tokio::test]
async fn a_request_that_waits_on_a_kept_connection_is_answered() {
    let (program, address) = start("development", NO_DATABASE).await;
    let mut kept = Vec::new();
    for _ in 0..20 {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(ASKED.as_bytes()).await.unwrap();
        let mut first = vec![0; 4096];
        let read = client.read(&mut first).await.unwrap();
        let first = Answer::parse(std::str::from_utf8(&first[..read]).unwrap());
        assert_eq!((first.status, first.header("connection")), (200, None));
        kept.push(client);
    }
    program.signal("STOP");
    for client in &mut kept {
        client.write_all(ASKED.as_bytes()).await.unwrap();
    }
    program.signal("TERM");
    program.signal("CONT");
    let started = Instant::now();
    for mut client in kept {
        assert_answered(&whole(&mut client).await);
    }
    ends_well(program, started, Duration::from_secs(4)).await;
}

/// The development profile grants a head three seconds.
#[tokio::test]
async fn half_a_head_may_be_completed_on_any_connection() {
    let (program, address) = start("development", NO_DATABASE).await;
    let (half, other) = ASKED.split_at(30);
    let first = open(address, half).await;
    let mut second = open(address, ASKED).await;
    let mut answer = vec![0; 4096];
    assert!(second.read(&mut answer).await.unwrap() > 0);
    second.write_all(half.as_bytes()).await.unwrap();
    sleep(SOON).await;
    program.signal("TERM");
    let started = Instant::now();
    // Longer than a silent connection is kept.
    sleep(Duration::from_millis(1_600)).await;
    for mut stream in [first, second] {
        stream.write_all(other.as_bytes()).await.unwrap();
        assert_last(&whole(&mut stream).await);
    }
    ends_well(program, started, Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_connection_without_a_word_has_a_moment_and_does_not_hold_the_end_up() {
    let (_folder, file) = profile(&[("drain_timeout = \"5s\"", "drain_timeout = \"8s\"")]);
    let (program, address) = start(file.to_str().unwrap(), NO_DATABASE).await;
    let mut silent = open(address, "").await;
    let mut late = open(address, "").await;
    program.signal("TERM");
    let started = Instant::now();
    sleep(SOON * 2).await;
    late.write_all(ASKED.as_bytes()).await.unwrap();
    assert_last(&whole(&mut late).await);
    assert_eq!(whole(&mut silent).await, "");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    ends_well(program, started, Duration::from_secs(5)).await;
}

/// Further bytes are read and dropped: closing with unread bytes would reset the connection and lose the answer.
#[tokio::test]
async fn what_follows_the_last_answer_does_not_reset_it() {
    let (program, address) = start("development", NO_DATABASE).await;
    let (half, other) = ASKED.split_at(30);
    let mut pipelined = open(address, half).await;
    let mut more = open(address, half).await;
    program.signal("TERM");
    let started = Instant::now();
    sleep(SOON).await;
    pipelined.write_all([other, &ASKED.repeat(2_000)].concat().as_bytes()).await.unwrap();
    assert_last(&whole(&mut pipelined).await);
    more.write_all(other.as_bytes()).await.unwrap();
    for _ in 0..20 {
        sleep(Duration::from_millis(10)).await;
        more.write_all(&[b'x'; 1_000]).await.unwrap();
    }
    assert_last(&whole(&mut more).await);
    drop((pipelined, more));
    ends_well(program, started, Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_client_that_has_ended_its_side_is_answered() {
    let (program, address) = start("development", NO_DATABASE).await;
    program.signal("STOP");
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(ASKED.as_bytes()).await.unwrap();
    client.shutdown().await.unwrap();
    program.signal("TERM");
    program.signal("CONT");
    let started = Instant::now();
    assert_answered(&whole(&mut client).await);
    ends_well(program, started, Duration::from_secs(4)).await;
}

/// Three seconds for an answer that fills the buffers of both ends: longer than a silent connection is kept.
#[tokio::test]
async fn a_slow_reader_gets_all_of_an_answer_under_way() {
    let service = serve_with(&production(&[]), NO_DATABASE, LARGE_ROUTES).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut slow = socket.connect(service.local_addr()).await.unwrap();
    slow.write_all(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut read = vec![0; 1 << 16];
    let mut length = slow.read(&mut read).await.unwrap();
    let stopped = tokio::spawn(service.stop());
    for _ in 0..30 {
        sleep(Duration::from_millis(100)).await;
        length += slow.read(&mut read).await.unwrap();
    }
    let mut rest = Vec::new();
    timeout(LONG, slow.read_to_end(&mut rest)).await.unwrap().unwrap();
    length += rest.len();
    assert!(length > LARGE, "{length} bytes of {LARGE} came");
    assert_eq!(stopped.await.unwrap(), server::Drained { cut: 0 });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_under_load() {
    for connections in [Connections::Fresh, Connections::Kept] {
        for clients in [16, 96] {
            let (program, address) = start("development", NO_DATABASE).await;
            let load = Load::start(address, clients, connections);
            sleep(Duration::from_millis(500)).await;
            let started = Instant::now();
            program.signal("TERM");
            ends_well(program, started, Duration::from_secs(6)).await;
            let count = load.end().await;
            assert!(count.lost.is_empty(), "{clients} clients, {connections:?}: {count}");
            assert!(count.answered > clients, "only {}", count.answered);
        }
    }
}

#[tokio::test]
async fn a_lame_duck_is_not_ready_and_serves_everything_else() {
    let (_folder, file) = profile(&[("lame_duck = \"0s\"", "lame_duck = \"2s\"")]);
    let (program, address) = start(file.to_str().unwrap(), NO_DATABASE).await;
    let mut kept = open(address, ASKED).await;
    let mut answer = vec![0; 4096];
    assert!(kept.read(&mut answer).await.unwrap() > 0);
    program.signal("TERM");
    let started = Instant::now();
    sleep(SOON).await;
    for _ in 0..3 {
        let not_ready = get(address, "/readyz").await;
        assert_eq!((not_ready.status, not_ready.body.as_str()), (503, "{\"status\":\"draining\"}"));
        assert_eq!(get(address, "/livez").await.status, 200);
        assert_eq!(get(address, "/nothing").await.status, 404);
        kept.write_all(ASKED.as_bytes()).await.unwrap();
        let read = kept.read(&mut answer).await.unwrap();
        let again = assert_answered(std::str::from_utf8(&answer[..read]).unwrap());
        assert_eq!(again.header("connection"), None, "the connection is kept");
        sleep(SOON).await;
    }
    assert!(started.elapsed() < Duration::from_secs(2), "the machine is too slow for this test");
    // Begun while serving, completed while draining.
    let (half, other) = ASKED.split_at(30);
    let mut late = open(address, half).await;
    sleep(Duration::from_millis(2_500).saturating_sub(started.elapsed())).await;
    assert!(TcpStream::connect(address).await.is_err(), "no new connections");
    late.write_all(other.as_bytes()).await.unwrap();
    assert_last(&whole(&mut late).await);
    assert_eq!(whole(&mut kept).await, "", "idle since, and closed");
    let log = ends_well(program, started, Duration::from_secs(7)).await;
    let stages = ["ending", "not ready, and still serving", "draining", "ended"];
    let places: Vec<_> = stages.iter().map(|stage| log.find(stage)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}: {log}");
}

/// Before the signal handlers are installed the kernel kills the process; from then on it exits with 0.
#[tokio::test]
async fn a_signal_during_the_start_ends_it() {
    for after in [0, 5, 15, 30, 60, 120] {
        let environment = [("DATABASE_URL", NO_DATABASE), ("PORT", &Port::take().unwrap().to_string())];
        let program = Program::start(&["--profile", "development"], &environment);
        sleep(Duration::from_millis(after)).await;
        let started = Instant::now();
        program.signal("TERM");
        let (status, output) = program.end().await;
        assert!(status.code() == Some(0) || status.signal() == Some(15), "{status}: {output}");
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn a_signal_while_the_pool_opens_waits_for_the_verdict_only() {
    let postgres = Postgres::start().unwrap();
    let proxy = FaultProxy::to(postgres.port()).await.unwrap();
    proxy.set(Fault::Stall).await.unwrap();
    let (program, address) = start("development", &proxy.url()).await;
    let mut asked = open(address, "GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let started = Instant::now();
    program.signal("TERM");
    let unhealthy = Answer::parse(&whole(&mut asked).await);
    assert_eq!((unhealthy.status, unhealthy.header("connection")), (503, Some("close")));
    drop(asked);
    // Within the drain's five seconds: the check's budget is two, and an opening pool is abandoned within 1.2 s.
    ends_well(program, started, Duration::from_secs(5)).await;
}
