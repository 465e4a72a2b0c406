//! How many connections the service takes, and what becomes of the others.

use std::process::Command;
use std::time::Duration;

use testkit::Port;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{NO_DATABASE, Program, get, production, raw, request, serve, until_ready};

#[tokio::test]
async fn a_connection_too_many_waits_until_another_ends() {
    let service =
        serve(&production(&[("max_connections = 10000", "max_connections = 2")]), NO_DATABASE).await;
    let address = service.local_addr();
    let (one, _other) =
        (TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap());
    sleep(Duration::from_millis(100)).await;
    let waiting = tokio::spawn(async move { get(address, "/livez").await.status });
    sleep(Duration::from_millis(300)).await;
    assert!(!waiting.is_finished(), "it waits in the system's queue");
    drop(one);
    assert_eq!(timeout(Duration::from_secs(5), waiting).await.unwrap().unwrap(), 200);
}

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
    for part in ["server.max_connections = 10000", "10077 open files", "may open 1000", "ulimit -Hn"] {
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
