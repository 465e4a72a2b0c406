//! The cost of a whole run: `cargo bench -p verify --bench suite`.
//!
//! The command as it is released, with the production profile, against our server on this machine: at once, and over
//! a line on which every round trip takes 100 ms. Loopback has no limit of requests per
//! second, so the benchmark measures the wait for answers only.
//!
//! Numbers as arguments are values of `verify.concurrency` that take turns in one run: `… --bench suite -- 8 24 64`.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark reaches the world outside; one that cannot run has nothing else to say"
)]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use profiles::Declaration;
use server::Environment;
use testkit::Postgres;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::time::sleep_until;

#[path = "../tests/support/mod.rs"]
mod support;

use support::edge::{self, Edge, Quirk};

const ROUNDS: usize = 21;
const ROUND_TRIP: Duration = Duration::from_millis(100);

fn main() {
    let concurrencies: Vec<u32> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let concurrencies = if concurrencies.is_empty() { vec![declared()] } else { concurrencies };
    // `cargo test --benches` asks only whether it runs.
    let rounds = if std::env::args().any(|argument| argument == "--bench") { ROUNDS } else { 1 };

    let runtime = runtime();
    let database = Postgres::start().unwrap();
    let (near, near_tls) = (server(&database.url()), tls());
    let (far, far_tls) = (line(near), line(near_tls));
    let folder = tempfile::tempdir().unwrap();
    let places = [
        ("here", format!("http://{near}")),
        ("here, over TLS", format!("https://{near_tls}")),
        ("100 ms away", format!("http://{far}")),
        ("100 ms away, over TLS", format!("https://{far_tls}")),
    ];
    let [first, second] = runtime.block_on(round_trips(far));
    println!("the line: {first:.1?} for a connection and a request, {second:.1?} for the next request");

    let profiles: Vec<_> = concurrencies.iter().map(|number| profile(folder.path(), *number)).collect();
    let mut runs = vec![vec![Vec::new(); concurrencies.len()]; places.len()];
    for round in 0..rounds {
        for (place, (_, url)) in places.iter().enumerate() {
            for turn in 0..profiles.len() {
                let contender = (turn + round) % profiles.len();
                runs[place][contender].push(Run::of(&profiles[contender], url));
            }
        }
    }
    println!("{rounds} runs each, in turn; medians (min–max)\n");
    println!("| | concurrency | requests | wall time | × 100 ms | of it probing | peak memory |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for ((place, _), contenders) in places.iter().zip(&runs) {
        for (concurrency, runs) in concurrencies.iter().zip(contenders) {
            row(place, *concurrency, runs);
        }
    }
}

fn row(place: &str, concurrency: u32, runs: &[Run]) {
    let wall = spread(runs.iter().map(|run| run.wall.as_secs_f64() * 1_000.0));
    let trips = spread(runs.iter().map(|run| run.wall.div_duration_f64(ROUND_TRIP)));
    let probing = spread(runs.iter().map(|run| run.probing.as_secs_f64() * 1_000.0));
    let peak = spread(runs.iter().map(|run| f64::from(run.peak_kib) / 1_024.0));
    let requests = runs[0].requests;
    println!(
        "| {place} | {concurrency} | {requests} | {} ms | {} | {} ms | {} MiB |",
        shown(wall, 0),
        shown(trips, 1),
        shown(probing, 0),
        shown(peak, 1)
    );
}

/// The median, the least and the greatest.
fn spread(figures: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_unstable_by(f64::total_cmp);
    [figures[figures.len() / 2], figures[0], figures[figures.len() - 1]]
}

fn shown([middle, least, most]: [f64; 3], places: usize) -> String {
    format!("{middle:.places$} ({least:.places$}–{most:.places$})")
}

/// One run of the command, from its start to its end as a process.
#[derive(Clone, Copy)]
struct Run {
    wall: Duration,
    /// The duration of the probing, from the report.
    probing: Duration,
    requests: u64,
    peak_kib: u32,
}

impl Run {
    fn of(profile: &Path, url: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_verify"));
        command.arg("--profile").arg(profile).args(["--url", url, "--snapshots", "off", "--report", "json"]);
        command.arg("--ca").arg(edge::authority()).env_clear();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let started = Instant::now();
        let child = command.spawn().unwrap();
        let (id, ended) = (child.id(), AtomicBool::new(false));
        let (output, wall, peak_kib) = std::thread::scope(|threads| {
            let peak = threads.spawn(|| peak(id, &ended));
            let output = child.wait_with_output().unwrap();
            let wall = started.elapsed();
            ended.store(true, Ordering::Relaxed);
            (output, wall, peak.join().unwrap())
        });
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        // Nothing is compared with a run that a fault cut short.
        assert_eq!((output.status.code(), &report["outcome"]), (Some(0), &"pass".into()), "{report:#}");
        Self {
            wall,
            probing: Duration::from_millis(report["duration_ms"].as_u64().unwrap()),
            requests: report["requests"].as_u64().unwrap(),
            peak_kib,
        }
    }
}

/// The process's high-water mark of resident memory, which only grows. The kernel tells it while the process lives,
/// so what the last millisecond adds is missed.
fn peak(id: u32, ended: &AtomicBool) -> u32 {
    let mut peak = 0;
    while !ended.load(Ordering::Relaxed) {
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let mark = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB")?.trim().parse().ok());
        peak = peak.max(mark.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(1));
    }
    peak
}

const PRODUCTION: &str = include_str!("../../profiles/production.toml");

fn declared() -> u32 {
    concurrency(PRODUCTION)
}

fn concurrency(profile: &str) -> u32 {
    Declaration::parse("production.toml", profile, support::TODAY).unwrap().profile.verify.concurrency
}

/// The production profile beside the development one, whose origins it must refuse. Port 80 is not ours to listen on.
fn profile(folder: &Path, number: u32) -> PathBuf {
    let folder = folder.join(number.to_string());
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("development.toml"), include_str!("../../profiles/development.toml")).unwrap();
    let path = folder.join("production.toml");
    let text = PRODUCTION
        .replace(&format!("concurrency = {}", declared()), &format!("concurrency = {number}"))
        .replace("plain_http = \"redirect\"", "plain_http = \"closed\"");
    assert_eq!(concurrency(&text), number);
    std::fs::write(&path, text).unwrap();
    path
}

/// Our server on a thread of its own, with the runtime that its process has.
fn server(database: &str) -> SocketAddr {
    let environment = Environment::new([("DATABASE_URL", database)]);
    apart(async move {
        let production = Declaration::load("production", support::TODAY).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let running = server::start(&production, &environment, listener).unwrap();
        let address = running.local_addr();
        (address, running)
    })
}

/// The tests' backend, because our server leaves TLS and HTTP/2 to the platform.
fn tls() -> SocketAddr {
    apart(async {
        let edge = Edge::start(|_, _| (), Quirk::None).await;
        (edge.address, edge)
    })
}

/// A line to this address on which a byte that enters leaves half a round trip later, in order, however many there
/// are. On loopback a connection opens at once; the time that its opening would take is added before its first byte.
fn line(to: SocketAddr) -> SocketAddr {
    apart(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(connect(near, to));
            }
        });
        (address, ())
    })
}

async fn connect(near: TcpStream, to: SocketAddr) {
    let opened = Instant::now();
    let far = TcpStream::connect(to).await.unwrap();
    near.set_nodelay(true).unwrap();
    far.set_nodelay(true).unwrap();
    let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
    tokio::join!(carry(from_near, to_far, opened + ROUND_TRIP), carry(from_far, to_near, opened));
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, earliest: Instant) {
    let (enter, mut leave) = mpsc::unbounded_channel();
    let entering = async move {
        let due = || Instant::now().max(earliest) + ROUND_TRIP / 2;
        let mut buffer = vec![0; 16 * 1_024];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            let _ = enter.send((due(), buffer[..read].to_vec()));
        }
        // The end travels as long as a byte.
        let _ = enter.send((due(), Vec::new()));
    };
    let leaving = async move {
        while let Some((due, bytes)) = leave.recv().await {
            sleep_until(due.into()).await;
            let _ = if bytes.is_empty() { to.shutdown().await } else { to.write_all(&bytes).await };
        }
    };
    tokio::join!(entering, leaving);
}

/// The time for a connection with a first request, and for a second request.
async fn round_trips(far: SocketAddr) -> [Duration; 2] {
    let mut buffer = vec![0; 16 * 1_024];
    let mut started = Instant::now();
    let mut stream = TcpStream::connect(far).await.unwrap();
    let mut times = [Duration::ZERO; 2];
    for time in &mut times {
        stream.write_all(b"GET /nothing HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        assert_ne!(stream.read(&mut buffer).await.unwrap(), 0);
        *time = started.elapsed();
        started = Instant::now();
    }
    times
}

/// Runs what is prepared here on a thread of its own until the process ends, and keeps what must not be dropped.
fn apart<T>(prepare: impl Future<Output = (SocketAddr, T)> + Send + 'static) -> SocketAddr {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        runtime().block_on(async {
            let (address, _kept) = prepare.await;
            sender.send(address).unwrap();
            std::future::pending::<()>().await;
        });
    });
    receiver.recv().unwrap()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}
