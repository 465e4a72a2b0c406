//! The cost of the pool: `cargo bench -p server --bench database`.
//!
//! All contenders run in one process against one PostgreSQL, in turn, round by round; every figure is a ratio within a
//! round, so that changes of the machine's speed cancel out. The runtime is the service's, one thread, and shares one
//! processor with PostgreSQL: elapsed time is then CPU time.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run has nothing else to say")]

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Timeouts};
use profiles::Declaration;
use server::Environment;
use server::boot::Settings;
use server::database::Database;
use testkit::{FaultProxy, Port, Postgres};
use tokio::task::JoinSet;
use tokio_postgres::{Client, Config, NoTls};

const ROUNDS: usize = 42;
const SEQUENTIAL: usize = 1_200;
const TASKS: usize = 100;
const EACH: usize = 60;
const DEADLINE: Duration = Duration::from_secs(10);

fn main() {
    if !std::env::args().any(|argument| argument == PINNED) {
        pin();
    }
    // Connections open before the timing, so SCRAM's hashing and the service's own threads do not count.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let postgres = Postgres::start().unwrap();
    runtime.block_on(async {
        let contenders = Contenders::connect(&postgres).await;
        println!("select 1, one after the other, {ROUNDS} rounds of {SEQUENTIAL} each");
        sequential(&contenders).await;
        println!("\nselect 1, {TASKS} tasks with {EACH} each at once, {ROUNDS} rounds");
        concurrent(&contenders).await;
    });
    println!("\n1000 probes of /health at once, over as many sockets, 20 times");
    runtime.block_on(probes(&postgres));
}

const PINNED: &str = "--pinned";

/// Restarts the program, and so PostgreSQL, on one processor. On several, a query takes three times as long if the
/// session's process has to be woken on another processor, which is chance.
fn pin() {
    let error = Command::new("taskset").args(["-c", "0"]).args(std::env::args_os()).arg(PINNED).exec();
    println!("not on one processor, so the figures are chance: taskset: {error}\n");
}

struct Contenders {
    bare: Arc<Client>,
    ours: Arc<Database>,
    verified: Pool,
}

impl Contenders {
    async fn connect(postgres: &Postgres) -> Self {
        let (bare, connection) = tokio_postgres::connect(&postgres.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        let today = jiff::civil::date(2026, 1, 1);
        let production = Declaration::load("production", today).unwrap();
        let environment = Environment::new([("DATABASE_URL", postgres.url())]);
        let ours = Settings::gather(&production, &environment).unwrap().database();
        let config: Config = postgres.url().parse().unwrap();
        let verified = ManagerConfig { recycling_method: RecyclingMethod::Verified };
        let second = Some(Duration::from_secs(2));
        let verified = Pool::builder(Manager::from_config(config, NoTls, verified))
            .max_size(12)
            .timeouts(Timeouts { wait: second, create: second, recycle: second })
            .runtime(Runtime::Tokio1)
            .build()
            .unwrap();
        Self { bare: Arc::new(bare), ours: Arc::new(ours), verified }
    }

    async fn ask(&self, contender: usize) {
        let rows = match contender {
            0 => self.bare.query_typed("select 1", &[]).await.unwrap(),
            1 => {
                self.ours.until(tokio::time::Instant::now() + DEADLINE).query("select 1", &[]).await.unwrap()
            }
            _ => self.verified.get().await.unwrap().query_typed("select 1", &[]).await.unwrap(),
        };
        assert_eq!(rows[0].get::<_, i32>(0), 1);
    }

    fn same(&self) -> Self {
        let Self { bare, ours, verified } = self;
        Self { bare: Arc::clone(bare), ours: Arc::clone(ours), verified: verified.clone() }
    }
}

const NAMES: [&str; 3] = ["bare tokio-postgres, one connection", "this pool", "deadpool, Verified"];

/// Each contender follows each of the others equally often, since the previous one affects the machine's state.
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];

/// Alternates query by query: the idle state of the processors changes within milliseconds and alters every figure by
/// half.
async fn sequential(contenders: &Contenders) {
    let mut times = [const { Vec::new() }; 3];
    for round in 0..=ROUNDS {
        let mut queries = [const { Vec::new() }; 3];
        for query in 0..SEQUENTIAL {
            for contender in ORDERS[query % ORDERS.len()] {
                let started = Instant::now();
                contenders.ask(contender).await;
                queries[contender].push(started.elapsed());
            }
        }
        // The first round warms up.
        if round > 0 {
            for (times, queries) in times.iter_mut().zip(&mut queries) {
                queries.sort_unstable();
                times.push(queries[SEQUENTIAL / 2]);
            }
        }
    }
    table("median of a query", "× bare", &times, &times[0]);
}

async fn concurrent(contenders: &Contenders) {
    let (mut times, mut slowest) = ([const { Vec::new() }; 3], [const { Vec::new() }; 3]);
    for round in 0..=ROUNDS {
        for contender in ORDERS[round % ORDERS.len()] {
            let started = Instant::now();
            let mut tasks = JoinSet::new();
            for _ in 0..TASKS {
                let contenders = contenders.same();
                tasks.spawn(async move {
                    let mut latencies = Vec::with_capacity(EACH);
                    for _ in 0..EACH {
                        let asked = Instant::now();
                        contenders.ask(contender).await;
                        latencies.push(asked.elapsed());
                    }
                    latencies
                });
            }
            let mut latencies = tasks.join_all().await.concat();
            let took = started.elapsed();
            latencies.sort_unstable();
            if round > 0 {
                times[contender].push(took / u32::try_from(TASKS * EACH).unwrap());
                slowest[contender].push(latencies[latencies.len() * 99 / 100]);
            }
        }
    }
    table("time per query (throughput)", "× Verified", &times, &times[2]);
    table("p99 of a query", "× Verified", &slowest, &slowest[2]);
}

/// Medians, and the median, the least and the greatest of the ratios per round.
fn table(what: &str, against: &str, times: &[Vec<Duration>; 3], base: &[Duration]) {
    println!("| {what} | median | {against} (min–max) |\n| --- | --- | --- |");
    for (name, times) in NAMES.iter().zip(times) {
        let mut ratios: Vec<_> =
            times.iter().zip(base).map(|(time, base)| time.as_secs_f64() / base.as_secs_f64()).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let mut times = times.clone();
        times.sort_unstable();
        let (least, middle, most) = (ratios[0], ratios[ratios.len() / 2], ratios[ratios.len() - 1]);
        println!("| {name} | {:.1?} | {middle:.3} ({least:.2}–{most:.2}) |", times[times.len() / 2]);
    }
}

/// Through the service as a process, and a counting proxy.
async fn probes(postgres: &Postgres) {
    let proxy = FaultProxy::to(postgres.port()).await.unwrap();
    let port = Port::take().unwrap();
    let service = Service::start(&proxy.url(), port.number());
    while TcpStream::connect(("127.0.0.1", port.number())).is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let number = port.number();
    let ask = move |probes| tokio::task::spawn_blocking(move || storm(number, probes));
    ask(1).await.unwrap();
    let mut lines = String::new();
    let mut most = 0;
    for _ in 0..20 {
        let before = proxy.counts().queries;
        let took = ask(1_000).await.unwrap();
        let queries = proxy.counts().queries - before;
        most = most.max(queries);
        write!(lines, "{queries} in {took:.0?}; ").unwrap();
    }
    println!("queries: {}", lines.trim_end_matches("; "));
    println!("at most {most} queries, over {} connection(s)", proxy.counts().sessions.opened);
    drop(service);
}

/// Opens all sockets, sends all requests, then reads all answers.
fn storm(port: u16, probes: usize) -> Duration {
    let request = b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let mut sockets: Vec<_> = (0..probes).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    let started = Instant::now();
    for socket in &mut sockets {
        socket.write_all(request).unwrap();
    }
    for socket in &mut sockets {
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    started.elapsed()
}

struct Service(Child);

impl Service {
    fn start(database: &str, port: u16) -> Self {
        let mut service = Command::new(env!("CARGO_BIN_EXE_server"));
        service.args(["--profile", "production"]).env_clear();
        service.env("DATABASE_URL", database).env("PORT", port.to_string());
        Self(service.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
