//! The service under stress: many hostile clients, many idle clients, faults and restarts.
//!
//! A program of its own, whose tests wait for each other: they take the whole machine. The soak is a step of
//! `scripts/test --long`, where it lasts 20 seconds;
//! `SOAK_SECONDS=600 cargo test -p server --test stress soak -- --ignored --nocapture` makes it ten minutes.
#![expect(clippy::unwrap_used, reason = "clippy knows tests only where `#[test]` stands")]

#[path = "../suite/load.rs"]
mod load;
mod nginx;
mod replica;
#[allow(dead_code, reason = "the suite's")]
#[path = "../suite/support.rs"]
mod support;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use testkit::{Fault, FaultProxy, Postgres};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::load::{Connections, Load};
use crate::nginx::Nginx;
use crate::replica::Replica;
use crate::support::{A, NO_DATABASE, changed};

/// The number of idle connections: slightly fewer than the production profile allows.
const MANY: usize = 9_900;

static MACHINE: Mutex<()> = Mutex::const_new(());

async fn alone() -> MutexGuard<'static, ()> {
    MACHINE.lock().await
}

fn production(changes: &[(&str, &str)]) -> String {
    let unlimited = [("rate_limit = 600 ", "rate_limit = 10000 ")];
    changed(&changed(profiles::EMBEDDED[1].2, &unlimited), changes)
}

/// One request on a connection of its own; the status, or why there is none.
async fn ask(address: SocketAddr, method: &str, path: &str, fields: &str) -> Result<u16, String> {
    let request =
        format!("{method} {path} HTTP/1.1\r\nhost: api.example.com\r\nconnection: close\r\n{fields}\r\n");
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = match timeout(Duration::from_secs(20), exchange).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => return Err(format!("{method} {path}: {error}")),
        Err(_) => return Err(format!("{method} {path}: nothing within 20 s")),
    };
    let text = String::from_utf8_lossy(&answer);
    let status = text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    status.ok_or_else(|| format!("{method} {path}: no answer: {text:?}"))
}

/// Sends a first request and keeps the connection.
async fn keep_open(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    ask_again(&mut stream).await;
    stream
}

async fn ask_again(stream: &mut TcpStream) {
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut answer = [0; 2048];
    let read = stream.read(&mut answer).await.unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..read]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_drips_leave_others_alone_and_are_cut() {
    let _machine = alone().await;
    let replica =
        Replica::start(&production(&[("header_timeout = \"10s\"", "header_timeout = \"6s\"")]), NO_DATABASE)
            .await;
    let address = replica.address();
    let began = Instant::now();
    let mut drips = JoinSet::new();
    for _ in 0..2_000 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        drips.spawn(async move {
            stream.write_all(b"GET /livez HTTP/1.1\r\nx: ").await.unwrap();
            let mut answer = Vec::new();
            for _ in 0..20 {
                let dripped = timeout(Duration::from_secs(1), stream.read_to_end(&mut answer)).await;
                if dripped.is_ok() || stream.write_all(b"x").await.is_err() {
                    break;
                }
            }
            String::from_utf8_lossy(&answer).starts_with("HTTP/1.1 408")
        });
    }
    let mut took = Vec::new();
    for _ in 0..200 {
        let started = Instant::now();
        assert_eq!(ask(address, "GET", "/livez", "").await, Ok(200));
        took.push(started.elapsed());
        sleep(Duration::from_millis(5)).await;
    }
    took.sort();
    println!("/livez beside 2,000 drips: median {:?}, 99 in 100 within {:?}", took[100], took[197]);
    assert!(took[100] < Duration::from_millis(10), "{:?}", took[100]);
    let refused = drips.join_all().await.into_iter().filter(|refused| *refused).count();
    assert!(refused >= 1_900, "{refused} of 2,000 were answered 408");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert!(replica.files() < 40, "{} descriptors are left", replica.files());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_idle_connections_are_kept_and_cost_little() {
    let _machine = alone().await;
    let allowed = rlimit::increase_nofile_limit(u64::MAX).unwrap();
    assert!(allowed > 10_200, "this test opens 10,000 connections; raise `ulimit -Hn`, which is {allowed}");
    let replica = Replica::start(&production(&[]), NO_DATABASE).await;
    let address = replica.address();
    let _warm = keep_open(address).await;
    let before = replica.memory();
    let mut idle = Vec::new();
    while idle.len() < MANY {
        let opened: Vec<_> = (0..100).map(|_| tokio::spawn(keep_open(address))).collect();
        for stream in opened {
            idle.push(stream.await.unwrap());
        }
    }
    let each = (replica.memory() - before) / MANY as u64;
    println!("{MANY} idle connections: {each} bytes each, unoptimised");
    assert!(each < 20_000, "{each} bytes for an idle connection");
    assert_eq!(ask(address, "GET", "/livez", "").await, Ok(200));
    for stream in idle.iter_mut().step_by(97) {
        ask_again(stream).await;
    }
    drop(idle);
    for _ in 0..200 {
        if replica.files() < 40 {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("{} descriptors are left", replica.files());
}

/// The requests in turn, and their permitted statuses: while the database is down, `/health` reports it.
const TRAFFIC: &[(&str, &str, &str, &[u16])] = &[
    ("GET", "/livez", "", &[200]),
    ("GET", "/readyz", "", &[200, 503]),
    ("GET", "/health", "", &[200, 503]),
    ("HEAD", "/livez", "", &[200]),
    ("GET", "/nothing?q=1", "", &[404]),
    ("DELETE", "/livez", "", &[405]),
    ("PUT", "/livez", "content-length: 2097152\r\n", &[413]),
    ("GET", "/livez", "origin: https://todo.example.com\r\n", &[200]),
];

#[derive(Default)]
struct Tally {
    stop: AtomicBool,
    answered: AtomicU64,
    lost: std::sync::Mutex<Vec<String>>,
}

/// Sends requests one after the other until it is stopped. 429 is an answer too: all requests come from one client.
async fn traffic(address: SocketAddr, offset: usize, tally: Arc<Tally>) {
    for (method, path, fields, statuses) in TRAFFIC.iter().cycle().skip(offset) {
        if tally.stop.load(Ordering::Relaxed) {
            return;
        }
        match ask(address, method, path, fields).await {
            Ok(status) if statuses.contains(&status) || status == 429 => {
                tally.answered.fetch_add(1, Ordering::Relaxed);
            }
            Ok(status) => tally.lost.lock().unwrap().push(format!("{method} {path}: {status}")),
            Err(lost) => tally.lost.lock().unwrap().push(lost),
        }
    }
}

impl Tally {
    fn assert_nothing_lost(&self, least: u64, log: &str) {
        let lost = self.lost.lock().unwrap();
        let answered = self.answered.load(Ordering::Relaxed);
        println!("{answered} requests answered, {} lost", lost.len());
        assert!(
            lost.is_empty(),
            "{} of {answered} were lost, such as {:?}\n{log}",
            lost.len(),
            &lost[..lost.len().min(5)]
        );
        assert!(answered >= least, "only {answered} requests");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_behind_nginx_loses_no_request() {
    restart_behind_nginx(Connections::Kept).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_behind_nginx_loses_no_request_of_a_new_connection() {
    restart_behind_nginx(Connections::Fresh).await;
}

async fn restart_behind_nginx(connections: Connections) {
    let _machine = alone().await;
    let profile = production(&[]);
    let mut replicas =
        [Replica::start(&profile, NO_DATABASE).await, Replica::start(&profile, NO_DATABASE).await];
    let nginx = Nginx::before(&replicas, connections);
    let tally = Arc::new(Tally::default());
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let (address, tally) = (nginx.address(), Arc::clone(&tally));
        clients.spawn(async move {
            while !tally.stop.load(Ordering::Relaxed) {
                match ask(address, "GET", "/livez", "").await {
                    Ok(200) => drop(tally.answered.fetch_add(1, Ordering::Relaxed)),
                    other => tally.lost.lock().unwrap().push(format!("{other:?}")),
                }
            }
        });
    }
    for _ in 0..3 {
        for replica in &mut replicas {
            sleep(Duration::from_millis(300)).await;
            replica.restart().await;
        }
    }
    tally.stop.store(true, Ordering::Relaxed);
    clients.join_all().await;
    tally.assert_nothing_lost(500, &nginx.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_ends_under_load_lose_nothing() {
    let _machine = alone().await;
    let mut sum = 0;
    for run in 0..20 {
        let clients = [16, 64, 128, 256][run / 2 % 4];
        let connections = [Connections::Fresh, Connections::Kept][run % 2];
        let mut replica = Replica::start(&production(&[]), NO_DATABASE).await;
        let load = Load::start(replica.address(), clients, connections);
        sleep(Duration::from_millis(700)).await;
        replica.end().await;
        let count = load.end().await;
        assert!(count.lost.is_empty(), "run {run}, {clients} clients, {connections:?}: {count}");
        sum += count.answered;
    }
    println!("{sum} requests answered over 20 ends, 0 lost");
}

/// Two replicas behind nginx that are restarted in turn, one that is not, a database that is cut off, stops answering
/// and comes back, and clients of every kind.
#[ignore = "the longer, the better: `cargo test -p server --test stress -- --ignored`, as scripts/test --long does"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn soak_with_faults_and_restarts_loses_no_request_and_no_memory() {
    let _machine = alone().await;
    let long = soak();
    let postgres = Postgres::start().unwrap();
    let proxy = FaultProxy::to(postgres.port()).await.unwrap();
    let profile = production(&[("header_timeout = \"10s\"", "header_timeout = \"1s\"")]);
    let mut replicas =
        [Replica::start(&profile, &proxy.url()).await, Replica::start(&profile, &proxy.url()).await];
    let steady = Replica::start(&profile, &proxy.url()).await;
    let nginx = Nginx::before(&replicas, Connections::Kept);

    let tally = Arc::new(Tally::default());
    let mut clients = JoinSet::new();
    for offset in 0..4 {
        clients.spawn(traffic(nginx.address(), offset * 3, Arc::clone(&tally)));
        clients.spawn(traffic(steady.address(), offset * 3, Arc::clone(&tally)));
    }
    for kind in 0..4 {
        clients.spawn(nuisance(steady.address(), kind, Arc::clone(&tally)));
    }
    let began = Instant::now();
    let mut memory = Vec::new();
    let mut turn = 0;
    while began.elapsed() < long {
        match turn % 6 {
            1 => proxy.set(Fault::Stall).await.unwrap(),
            3 => proxy.cut(),
            _ => proxy.set(Fault::None).await.unwrap(),
        }
        replicas[turn % 2].restart().await;
        sleep(Duration::from_millis(1_200)).await;
        memory.push(steady.memory());
        turn += 1;
    }
    proxy.set(Fault::None).await.unwrap();
    tally.stop.store(true, Ordering::Relaxed);
    clients.join_all().await;
    sleep(Duration::from_secs(2)).await;

    // It warms up in the first third; from then on it must not grow.
    let warm = *memory[..=memory.len() / 3].iter().max().unwrap();
    let last = steady.memory();
    println!(
        "{turn} restarts in {:?}; memory after the first third {} KiB, at the end {} KiB",
        began.elapsed(),
        warm / 1024,
        last / 1024
    );
    assert!(last < warm + warm / 5, "memory grew from {warm} to {last} bytes: {memory:?}");
    assert!(steady.files() < 60, "{} descriptors are left", steady.files());
    tally.assert_nothing_lost(500, &nginx.log());
    let mut seen = BTreeMap::new();
    for replica in replicas.iter().chain([&steady]) {
        let lines = replica.log();
        assert!(!lines.contains("panic"), "{lines}");
        for line in lines.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()) {
            *seen.entry(line["level"].as_str().unwrap_or_default().to_owned()).or_insert(0) += 1;
        }
    }
    println!("log lines by level: {seen:?}");
}

#[expect(clippy::disallowed_methods, reason = "the caller sets the soak's length")]
fn soak() -> Duration {
    let seconds = std::env::var("SOAK_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(20))
}

/// Hostile clients; their answers do not matter.
async fn nuisance(address: SocketAddr, kind: u8, tally: Arc<Tally>) {
    let head = format!("GET /livez HTTP/1.1\r\nhost: a\r\norigin: {A}\r\nx: {}", "y".repeat(9_000));
    while !tally.stop.load(Ordering::Relaxed) {
        let Ok(mut stream) = TcpStream::connect(address).await else { continue };
        let _ = match kind {
            // Half a head, and then nothing.
            0 => stream.write_all(&head.as_bytes()[..40]).await,
            // A large head that is not ended, and gone.
            1 => stream.write_all(head.as_bytes()).await,
            // No HTTP at all.
            2 => stream.write_all(&[0; 512]).await,
            // A body that is promised and not sent.
            _ => {
                stream.write_all(b"PUT /nothing HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\nabc").await
            }
        };
        let mut answer = [0; 4096];
        if kind != 1 {
            let _ = timeout(Duration::from_secs(3), stream.read(&mut answer)).await;
        }
        sleep(Duration::from_millis(20)).await;
    }
}
