//! The end of the service, as the platform brings it about.

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::rig::{Postgres, Wire, free_port};
use crate::support::{Answer, NO_DATABASE, Program, changed, get, rest, until_ready};

/// The development profile in a file, with a change.
fn profile(changes: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("changed.toml");
    std::fs::write(&file, changed(profiles::EMBEDDED[0].2, changes)).unwrap();
    (folder, file)
}

async fn start(profile: &str, database: &str) -> (Program, std::net::SocketAddr) {
    let port = free_port();
    let environment = [("DATABASE_URL", database), ("PORT", &port.to_string())];
    let program = Program::start(&["--profile", profile], &environment);
    (program, until_ready(port).await)
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
        // An idle connection that would be kept alive does not hold it up.
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
    let postgres = Postgres::start();
    let wire = Wire::to(postgres.port());
    let (program, address) = start("development", &wire.url()).await;
    assert_eq!(get(address, "/health").await.status, 200);
    assert_eq!(get(address, "/readyz").await.status, 200);

    wire.silence();
    let mut under_way = open(address, "GET /health HTTP/1.1\r\nhost: a\r\n\r\n").await;
    let mut half = open(address, "GET /readyz HTTP/1.1\r\nhost: a\r\n").await;
    program.signal("TERM");
    sleep(Duration::from_millis(200)).await;
    assert!(TcpStream::connect(address).await.is_err(), "no new connections");
    half.write_all(b"\r\n").await.unwrap();
    let not_ready = Answer::parse(&rest(&mut half).await);
    assert_eq!((not_ready.status, not_ready.body.as_str()), (503, "{\"status\":\"draining\"}"));
    assert_eq!(not_ready.header("connection"), Some("close"));
    wire.repair();
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
