//! The limit of connections, and the treatment of excess ones.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use server::Running;
use testkit::Port;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{
    Answer, LONG, NO_DATABASE, Program, changed, get, production, raw, request, rest, serve, until_ready,
};

/// 40 descriptors for a service that needs a dozen, and 200 clients.
#[tokio::test]
async fn without_descriptors_the_service_waits_and_comes_back() {
    let port = Port::take().unwrap();
    let environment = [("DATABASE_URL", NO_DATABASE), ("PORT", &port.to_string())];
    let program = Program::start(&["--profile", "production"], &environment);
    let address = until_ready(&port).await;
    assert_eq!(get(address, "/livez").await.status, 200);
    let limit = Command::new("prlimit")
        .args([&format!("--pid={}", program.id()), "--nofile=40:"])
        .status()
        .expect("prlimit is part of util-linux");
    assert!(limit.success());

    let mut clients = Vec::new();
    for _ in 0..200 {
        clients.push(TcpStream::connect(address).await.unwrap());
    }
    let before = cpu_seconds(&program);
    sleep(Duration::from_secs(3)).await;
    let spent = cpu_seconds(&program) - before;
    assert!(spent < 0.5, "{spent} s of processor time: it spins");
    drop(clients);
    let started = Instant::now();
    let answer = timeout(Duration::from_secs(5), get(address, "/livez")).await.expect("it comes back");
    assert_eq!(answer.status, 200);
    println!("answered {:?} after the clients left", started.elapsed());

    program.signal("TERM");
    let (status, log) = program.end().await;
    assert!(status.success(), "{log}");
    let lines = log.lines().filter(|line| line.contains("could not accept a connection")).count();
    assert!((1..=6).contains(&lines), "a line a second: {lines}");
    assert!(log.contains("Too many open files"), "{log}");
}

#[tokio::test]
async fn more_connections_than_files_may_be_open_is_a_refused_start() {
    let server = env!("CARGO_BIN_EXE_server");
    let output = Command::new("sh")
        .args(["-c", &format!("ulimit -n 1000 && exec {server} --check --profile production")])
        .env_clear()
        .envs([("DATABASE_URL", "postgresql://app:n7Jq0Zt5@db.example.net/app"), ("PORT", "8080")])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    for part in ["server.max_connections = 10000", "10333 open files", "may open 1000", "ulimit -Hn"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// systemd and most shells begin with 1024, far below what they allow.
#[tokio::test]
async fn the_soft_limit_of_open_files_is_raised() {
    let port = Port::take().unwrap();
    let server = env!("CARGO_BIN_EXE_server");
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -Sn 256 && exec {server} --profile production")])
        .env_clear()
        .envs([("DATABASE_URL", NO_DATABASE), ("PORT", &port.to_string())]);
    let program = Program::spawn(command).unwrap();
    let address = until_ready(&port).await;
    let mut clients = Vec::new();
    for _ in 0..400 {
        clients.push(TcpStream::connect(address).await.unwrap());
    }
    assert_eq!(get(address, "/livez").await.status, 200);
    program.signal("TERM");
    assert!(program.end().await.0.success());
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_takes_nothing_with_it() {
    let service =
        serve(&production(&[("max_connections = 10000", "max_connections = 4")]), NO_DATABASE).await;
    let address = service.local_addr();
    for _ in 0..40 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET /livez HTT").await.unwrap();
    }
    let answer = raw(address, request("GET", "/livez", &[])).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

fn cpu_seconds(program: &Program) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{}/schedstat", program.id())).unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

const LIVEZ: &str = "GET /livez HTTP/1.1\r\nhost: a\r\n\r\n";

async fn serve_few(most: u32) -> Running {
    let most = format!("max_connections = {most}");
    serve(&production(&[("max_connections = 10000", &most)]), NO_DATABASE).await
}

async fn asked(stream: &mut TcpStream) -> Answer {
    stream.write_all(LIVEZ.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let read = timeout(LONG, stream.read(&mut answer)).await.unwrap().unwrap();
    Answer::parse(std::str::from_utf8(&answer[..read]).unwrap())
}

/// Connections with endless heads.
async fn busy(address: SocketAddr, connections: usize) -> Vec<TcpStream> {
    let mut busy = Vec::new();
    for _ in 0..connections {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /livez HTTP/1.1\r\n").await.unwrap();
        busy.push(stream);
    }
    sleep(Duration::from_millis(200)).await;
    busy
}

/// RFC 9112 section 9.5.
#[tokio::test]
async fn the_connection_that_is_idle_longest_gives_way_to_a_new_one() {
    let service = serve_few(4).await;
    let address = service.local_addr();
    let mut kept = Vec::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert_eq!(asked(&mut stream).await.status, 200);
        kept.push(stream);
        sleep(Duration::from_millis(20)).await;
    }
    // After this use the second is idle longest.
    assert_eq!(asked(&mut kept[0]).await.status, 200);
    for gone in [1, 2] {
        let started = Instant::now();
        let answer = get(address, "/nothing").await;
        assert_eq!((answer.status, answer.header("connection")), (404, Some("close")), "{answer:?}");
        assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
        assert_eq!(rest(&mut kept[gone]).await, "");
        // Its place is occupied again.
        let mut other = TcpStream::connect(address).await.unwrap();
        assert_eq!(asked(&mut other).await.status, 200);
        kept[gone] = other;
    }
    for still in [0, 3] {
        assert_eq!(asked(&mut kept[still]).await.status, 200);
    }
}

#[tokio::test]
async fn a_connection_that_has_said_nothing_gives_way_too() {
    let service = serve_few(2).await;
    let mut silent = TcpStream::connect(service.local_addr()).await.unwrap();
    let _busy = busy(service.local_addr(), 1).await;
    assert_eq!(get(service.local_addr(), "/nothing").await.status, 404);
    assert_eq!(rest(&mut silent).await, "");
}

#[tokio::test]
async fn a_health_check_is_answered_though_all_connections_are_busy() {
    let service = serve_few(3).await;
    let address = service.local_addr();
    let busy = busy(address, 3).await;
    for path in ["/livez", "/readyz", "/health"] {
        let started = Instant::now();
        let answer = get(address, path).await;
        assert_eq!(answer.status, if path == "/health" { 503 } else { 200 }, "{path}");
        assert_eq!(answer.header("connection"), Some("close"));
        assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    }
    let refused = get(address, "/nothing").await;
    assert_eq!((refused.status, refused.header("connection")), (503, Some("close")));
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    drop(busy);
    sleep(Duration::from_millis(200)).await;
    assert_eq!(get(address, "/nothing").await.status, 404);
}

#[tokio::test]
async fn the_reserve_is_held_for_a_second_by_what_says_nothing() {
    let service = serve_few(1).await;
    let address = service.local_addr();
    let _busy = busy(address, 1).await;
    let started = Instant::now();
    let mut silent = Vec::new();
    // More than the reserve has.
    for _ in 0..300 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    assert_eq!(get(address, "/livez").await.status, 200);
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    for stream in &mut silent {
        assert_eq!(rest(stream).await, "");
    }
}

/// The new connection and a request that occupies its place arrive simultaneously.
#[tokio::test]
async fn a_request_that_waits_on_the_connection_that_gives_way_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("two.toml");
    let two = changed(profiles::EMBEDDED[0].2, &[("max_connections = 500", "max_connections = 2")]);
    std::fs::write(&file, two).unwrap();
    let port = Port::take().unwrap();
    let environment = [("DATABASE_URL", NO_DATABASE), ("PORT", &port.to_string())];
    let program = Program::start(&["--profile", file.to_str().unwrap()], &environment);
    let address = until_ready(&port).await;
    // Wait until the connection of the readiness check has released its place.
    sleep(Duration::from_millis(200)).await;
    let mut kept = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
    for stream in &mut kept {
        assert_eq!(asked(stream).await.header("connection"), None);
    }
    program.signal("STOP");
    let mut new = TcpStream::connect(address).await.unwrap();
    for stream in kept.iter_mut().chain([&mut new]) {
        stream.write_all(LIVEZ.as_bytes()).await.unwrap();
    }
    program.signal("CONT");
    for stream in kept.iter_mut().chain([&mut new]) {
        let mut answer = vec![0; 4096];
        let read = timeout(LONG, stream.read(&mut answer)).await.unwrap().unwrap();
        assert_eq!(Answer::parse(std::str::from_utf8(&answer[..read]).unwrap()).status, 200);
    }
    program.signal("TERM");
    assert!(program.end().await.0.success());
}
