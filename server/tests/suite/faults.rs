//! Every fault of a database, and how soon the service recovers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use http::{Method, StatusCode};
use profiles::Declaration;
use server::{HEALTH, Handler, LIVEZ, Reply, Route, Running};
use testkit::{Fault, FaultProxy, FullBacklog, PASSWORD, Postgres};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::time::{Duration, Instant, sleep, timeout};
use tokio_postgres::types::Type;

use crate::support::{Answer, NAP, get, production, serve_with, until};

static ROUTES: &[&Route] = &[&NAP, &HEALTH, &LIVEZ];

const SECOND: Duration = Duration::from_secs(1);

/// Requests that give up after two seconds, and a margin for a busy machine. No rate limit: one client is the load.
fn hasty() -> Declaration {
    production(&[
        ("request_timeout = \"10s\"", "request_timeout = \"2s\""),
        ("body_timeout = \"8s\"", "body_timeout = \"2s\""),
        ("rate_limit = 600", "# rate_limit = 600"),
    ])
}

/// One deadline of two seconds, and never two.
const HASTY_AT_MOST: Duration = Duration::from_millis(3_900);

async fn serve(profile: &Declaration, url: &str) -> Running {
    serve_with(profile, url, ROUTES).await
}

async fn nap(address: SocketAddr) -> u16 {
    get(address, "/nap/0").await.status
}

async fn timed(answer: impl Future<Output = u16>) -> (u16, Duration) {
    let started = Instant::now();
    let status = answer.await;
    (status, started.elapsed())
}

/// Sends this many slow requests at once, so that the pool opens a connection for each.
async fn warm(service: &Running, connections: usize) {
    let answers = join_all((0..connections).map(|_| get(service.local_addr(), "/nap/200"))).await;
    assert!(answers.iter().all(|answer| answer.status == 204), "{answers:?}");
}

/// Clients that send the next request after each answer, until they are stopped.
struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<tokio::task::JoinHandle<(usize, Duration)>>,
}

impl Load {
    fn start(address: SocketAddr, clients: usize, failed: &Arc<AtomicUsize>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let client = |stop: Arc<AtomicBool>, failed: Arc<AtomicUsize>| async move {
            let (mut asked, mut slowest) = (0, Duration::ZERO);
            while !stop.load(Ordering::SeqCst) {
                let (status, took) = timed(nap(address)).await;
                failed.fetch_add(usize::from(status != 204), Ordering::SeqCst);
                (asked, slowest) = (asked + 1, slowest.max(took));
                sleep(Duration::from_millis(5)).await;
            }
            (asked, slowest)
        };
        let clients = (0..clients).map(|_| tokio::spawn(client(Arc::clone(&stop), Arc::clone(failed))));
        let clients = clients.collect();
        Self { stop, clients }
    }

    /// The number of requests, and the slowest.
    async fn end(self) -> (usize, Duration) {
        self.stop.store(true, Ordering::SeqCst);
        let ended = timeout(20 * SECOND, join_all(self.clients)).await.expect("no request hangs");
        let ended = ended.into_iter().map(Result::unwrap);
        ended.fold((0, Duration::ZERO), |(asked, slow), (more, took)| (asked + more, slow.max(took)))
    }
}

/// On threads of its own, so that the load goes on while the test waits for PostgreSQL's processes.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn after_postgresql_was_killed_and_restarted_under_load_no_request_fails_and_none_hangs() {
    let mut postgres = Postgres::start().unwrap();
    let service = serve(&hasty(), &postgres.url()).await;
    let failed = Arc::default();
    let load = Load::start(service.local_addr(), 24, &failed);
    sleep(SECOND).await;
    assert_eq!(failed.load(Ordering::SeqCst), 0, "before");

    postgres.kill();
    sleep(SECOND).await;
    assert!(failed.load(Ordering::SeqCst) > 0, "while it is down");
    postgres.start_again();
    // Requests from the downtime may still be answered.
    until(async || nap(service.local_addr()).await == 204).await;
    sleep(SECOND / 2).await;
    let after = failed.load(Ordering::SeqCst);
    sleep(2 * SECOND).await;
    assert_eq!(failed.load(Ordering::SeqCst), after, "after its recovery");
    let (asked, slowest) = load.end().await;
    assert!(asked > 500 && slowest < HASTY_AT_MOST, "{asked} requests, the slowest took {slowest:?}");
}

#[tokio::test]
async fn a_frozen_postgresql_costs_each_request_its_deadline_and_none_after_it_thaws() {
    let postgres = Postgres::start().unwrap();
    let service = serve(&hasty(), &postgres.url()).await;
    warm(&service, 12).await;

    postgres.freeze();
    let answers = join_all((0..40).map(|_| timed(nap(service.local_addr())))).await;
    assert!(answers.iter().all(|(status, took)| *status == 503 && *took < HASTY_AT_MOST), "{answers:?}");
    let (health, took) = timed(async { get(service.local_addr(), "/health").await.status }).await;
    assert!(health == 503 && took < HASTY_AT_MOST, "{health} after {took:?}");

    postgres.thaw();
    until(async || nap(service.local_addr()).await == 204).await;
    let answers = join_all((0..40).map(|_| nap(service.local_addr()))).await;
    assert_eq!(answers, [204; 40]);
}

#[tokio::test]
async fn after_all_idle_connections_were_killed_the_next_request_succeeds() {
    let postgres = Postgres::start().unwrap();
    let service = serve(&hasty(), &postgres.url()).await;
    for _ in 0..3 {
        warm(&service, 12).await;
        let killed = postgres.ask(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity \
             where backend_type = 'client backend' and pid <> pg_backend_pid()",
        );
        assert!(killed.parse::<u32>().unwrap() >= 10, "{killed}");
        until(async || postgres.sessions() == 0).await;
        assert_eq!(nap(service.local_addr()).await, 204);
        assert_eq!(get(service.local_addr(), "/health").await.status, 200);
    }
}

#[tokio::test]
async fn after_all_connections_were_cut_or_half_closed_the_next_request_succeeds() {
    let postgres = Postgres::start().unwrap();
    let proxy = FaultProxy::to(postgres.port()).await.unwrap();
    let service = serve(&hasty(), &proxy.url()).await;
    for fault in ["cut", "half-closed"] {
        warm(&service, 12).await;
        match fault {
            "cut" => proxy.cut(),
            _ => proxy.set(Fault::HalfClose).await.unwrap(),
        }
        sleep(Duration::from_millis(20)).await;
        assert_eq!(nap(service.local_addr()).await, 204, "{fault}");
    }
}

#[tokio::test]
async fn twelve_black_holed_idle_connections_cost_one_ping_together() {
    let postgres = Postgres::start().unwrap();
    let proxy = FaultProxy::to(postgres.port()).await.unwrap();
    let profile = production(&[("ping_after = \"5s\"", "ping_after = \"1500ms\"")]);
    let service = serve(&profile, &proxy.url()).await;
    warm(&service, 12).await;
    sleep(Duration::from_millis(1_600)).await;

    proxy.set(Fault::Freeze).await.unwrap();
    // One ping's limit is 500 ms; twelve in sequence would take six seconds.
    let (status, took) = timed(nap(service.local_addr())).await;
    assert!(status == 204 && took < 4 * SECOND, "{status} after {took:?}");
    let answers = join_all((0..12).map(|_| timed(nap(service.local_addr())))).await;
    assert!(answers.iter().all(|(status, took)| *status == 204 && *took < 4 * SECOND), "{answers:?}");
    assert_eq!(proxy.counts().pings, 1);
}

#[tokio::test]
async fn twelve_black_holed_fresh_connections_cost_one_deadline_together() {
    let postgres = Postgres::start().unwrap();
    let proxy = FaultProxy::to(postgres.port()).await.unwrap();
    let service = serve(&hasty(), &proxy.url()).await;
    warm(&service, 12).await;

    proxy.set(Fault::Freeze).await.unwrap();
    // Fresh connections are not pinged; one without an answer makes the others suspect.
    let (status, took) = timed(nap(service.local_addr())).await;
    assert!(status == 503 && took < HASTY_AT_MOST, "{status} after {took:?}");
    let (status, took) = timed(nap(service.local_addr())).await;
    assert!(status == 204 && took < 4 * SECOND, "{status} after {took:?}");
    let answers = join_all((0..12).map(|_| timed(nap(service.local_addr())))).await;
    assert!(answers.iter().all(|(status, took)| *status == 204 && *took < 4 * SECOND), "{answers:?}");
}

#[tokio::test]
async fn a_pool_that_is_exhausted_for_ten_seconds_is_connected_all_the_while() {
    let postgres = Postgres::start().unwrap();
    let service =
        serve(&production(&[("request_timeout = \"10s\"", "request_timeout = \"15s\"")]), &postgres.url())
            .await;
    let address = service.local_addr();
    let busy = tokio::spawn(join_all((0..12).map(move |_| get(address, "/nap/10000"))));
    sleep(SECOND / 2).await;
    let (started, mut probes, mut most) = (Instant::now(), 0, 0);
    assert_eq!(nap(address).await, 503, "a request waits no longer than acquire_timeout");
    while started.elapsed() < 9 * SECOND {
        let (status, took) = timed(async { get(address, "/health").await.status }).await;
        assert!(status == 200 && took < 4 * SECOND, "{status} after {took:?}");
        (probes, most) = (probes + 1, most.max(postgres.sessions()));
        sleep(SECOND / 4).await;
    }
    assert!(probes > 15, "{probes}");
    assert_eq!(most, 13, "size + overflow, and the reserve");
    let answers = busy.await.unwrap();
    assert!(answers.iter().all(|answer| answer.status == 204), "{answers:?}");
    until(async || postgres.sessions() == 10).await;
}

#[tokio::test]
async fn a_pool_that_is_exhausted_by_a_dead_database_is_disconnected() {
    let postgres = Postgres::start().unwrap();
    let proxy = FaultProxy::to(postgres.port()).await.unwrap();
    let service = serve(&production(&[]), &proxy.url()).await;
    let address = service.local_addr();
    warm(&service, 12).await;
    let busy = tokio::spawn(join_all((0..12).map(move |_| get(address, "/nap/6000"))));
    sleep(SECOND / 2).await;
    proxy.set(Fault::Stall).await.unwrap();
    let (status, took) = timed(async { get(address, "/health").await.status }).await;
    assert!(status == 503 && took < HASTY_AT_MOST, "{status} after {took:?}");
    proxy.set(Fault::None).await.unwrap();
    let answers = busy.await.unwrap();
    assert!(answers.iter().all(|answer| answer.status == 204), "{answers:?}");
}

#[tokio::test]
async fn a_slow_database_is_connected_as_long_as_it_answers_in_the_budget() {
    let postgres = Postgres::start().unwrap();
    let proxy = FaultProxy::to(postgres.port()).await.unwrap();
    let service = serve(&production(&[]), &proxy.url()).await;
    proxy.set(Fault::Latency(Duration::from_millis(150))).await.unwrap();
    assert_eq!(get(service.local_addr(), "/health").await.status, 200);
    proxy.set(Fault::Latency(Duration::from_millis(1_200))).await.unwrap();
    let (status, took) = timed(async { get(service.local_addr(), "/health").await.status }).await;
    assert!(status == 503 && took < HASTY_AT_MOST, "{status} after {took:?}");
    proxy.set(Fault::None).await.unwrap();
    assert_eq!(get(service.local_addr(), "/health").await.status, 200);
}

#[tokio::test]
async fn recovery_is_seen_within_a_second_whatever_the_fault_was() {
    let postgres = Postgres::start().unwrap();
    let proxy = FaultProxy::to(postgres.port()).await.unwrap();
    let service = serve(&production(&[]), &proxy.url()).await;
    let address = service.local_addr();
    let healthy = async || get(address, "/health").await.status == 200;
    for fault in ["silent", "silent and forgotten", "refused"] {
        assert!(healthy().await, "before {fault}");
        if fault == "refused" {
            proxy.set(Fault::Refuse).await.unwrap();
            assert!(healthy().await, "what is open still works");
            proxy.cut();
        } else {
            proxy.set(Fault::Stall).await.unwrap();
        }
        let probing = tokio::spawn(async move {
            loop {
                if get(address, "/health").await.status == 200 {
                    return Instant::now();
                }
                sleep(Duration::from_millis(50)).await;
            }
        });
        sleep(Duration::from_millis(2_300)).await;
        assert!(!probing.is_finished(), "{fault} is seen");
        // New connections work again; the old ones stay silent.
        let forgotten = fault == "silent and forgotten";
        proxy.set(if forgotten { Fault::Freeze } else { Fault::None }).await.unwrap();
        let repaired = Instant::now();
        let seen = timeout(10 * SECOND, probing).await.expect("it is seen").unwrap();
        assert!(seen - repaired < SECOND, "{fault}: seen after {:?}", seen - repaired);
    }
}

#[tokio::test]
async fn the_first_request_after_a_suspend_succeeds_and_few_connections_are_opened_at_once() {
    let postgres = Postgres::start().unwrap();
    let proxy = FaultProxy::to(postgres.port()).await.unwrap();
    let service = serve(&production(&[]), &proxy.url()).await;
    let address = service.local_addr();
    warm(&service, 12).await;

    // Like Neon: the sessions end, and a new one is answered when the compute runs.
    proxy.set(Fault::Wake(Duration::from_millis(1_500))).await.unwrap();
    proxy.cut();
    sleep(Duration::from_millis(50)).await;
    let (status, took) = timed(nap(address)).await;
    assert!(status == 204 && took > SECOND, "{status} after {took:?}");

    proxy.cut();
    let answers = join_all((0..12).map(|_| timed(nap(address)))).await;
    assert!(answers.iter().all(|(status, _)| *status == 204), "{answers:?}");
    assert_eq!(proxy.counts().waking.most_open, 4, "create_limit");
    proxy.set(Fault::None).await.unwrap();
}

#[tokio::test]
async fn a_database_that_is_back_in_a_moment_is_waited_for() {
    let postgres = Postgres::start().unwrap();
    let proxy = FaultProxy::to(postgres.port()).await.unwrap();
    let service = serve(&production(&[]), &proxy.url()).await;
    proxy.set(Fault::Refuse).await.unwrap();
    let (answer, ()) = futures_util::future::join(timed(nap(service.local_addr())), async {
        sleep(Duration::from_millis(60)).await;
        proxy.set(Fault::None).await.unwrap();
    })
    .await;
    assert_eq!(answer.0, 204, "after {:?}", answer.1);
}

#[tokio::test]
async fn a_database_that_is_starting_is_waited_for() {
    // A standby without a primary always gives the answer that every start gives for a moment.
    let mut postgres = Postgres::start().unwrap();
    postgres.become_standby();
    let service = serve(&production(&[]), &postgres.url()).await;
    let (answer, ()) = futures_util::future::join(timed(nap(service.local_addr())), async {
        sleep(SECOND).await;
        postgres.promote();
    })
    .await;
    assert!(answer.0 == 204 && answer.1 > SECOND / 2, "{answer:?}");
}

#[tokio::test]
async fn a_host_that_drops_every_packet_does_not_keep_the_next_one_from_its_turn() {
    let postgres = Postgres::start().unwrap();
    let full = FullBacklog::listen().await.unwrap();
    let url = postgres.url().replace("127.0.0.1:", &format!("127.0.0.1:{},127.0.0.1:", full.port()));
    let service = serve(&production(&[]), &url).await;
    let (status, took) = timed(nap(service.local_addr())).await;
    assert!(status == 204 && took > SECOND / 2, "{status} after {took:?}");
}

#[tokio::test]
async fn where_nobody_listens_a_request_learns_it_at_once() {
    let service = serve(&production(&[]), crate::support::NO_DATABASE).await;
    let (status, took) = timed(nap(service.local_addr())).await;
    assert!(status == 503 && took < SECOND * 19 / 10, "{status} after {took:?}");
}

#[tokio::test]
async fn a_statement_whose_connection_is_cut_is_a_503_and_runs_no_longer() {
    let postgres = Postgres::start().unwrap();
    let proxy = FaultProxy::to(postgres.port()).await.unwrap();
    let service = serve(&hasty(), &proxy.url()).await;
    let address = service.local_addr();
    let (answer, ()) = futures_util::future::join(get(address, "/nap/60000"), async {
        sleep(Duration::from_millis(200)).await;
        proxy.cut();
    })
    .await;
    assert_eq!(answer.status, 503);
    assert_tells_nothing(&answer);
    assert_eq!(nap(address).await, 204);
    // PostgreSQL does not notice a fault of the network, and continues to sleep.
    until(async || postgres.sessions() == 1).await;
}

fn assert_tells_nothing(answer: &Answer) {
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert_eq!(detail, "the database did not answer");
}

/// A server that sends every client this greeting, and then `more` until the client closes. Returns the most bytes that
/// it could send.
async fn talkative(greeting: Vec<u8>, more: Vec<u8>) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, most) = (listener.local_addr().unwrap().port(), Arc::<AtomicUsize>::default());
    let said = Arc::clone(&most);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (greeting, more, said) = (greeting.clone(), more.clone(), Arc::clone(&said));
            tokio::spawn(async move {
                let mut sent = greeting.len();
                let mut gone = client.write_all(&greeting).await.is_err();
                while !gone {
                    gone = client.write_all(&more).await.is_err();
                    sent += more.len();
                    said.fetch_max(sent, Ordering::SeqCst);
                }
            });
        }
    });
    (port, most)
}

#[tokio::test]
async fn what_announces_two_gigabytes_or_never_ends_is_refused_by_its_first_bytes() {
    let two_gigabytes = b"R\x7f\xff\xff\xff".to_vec();
    let accepted = b"R\0\0\0\x08\0\0\0\0".to_vec();
    let parameter = [b"S\0\0\0\x49name\0".to_vec(), vec![b'x'; 63], b"\0".to_vec()].concat();
    for (greeting, more) in [(two_gigabytes, vec![0; 1 << 16]), (accepted, parameter.repeat(1_000))] {
        let (port, most) = talkative(greeting, more).await;
        let url = testkit::url("127.0.0.1", port);
        crate::tls::assert_logged(&url, "oversized", "see what it is that answers there").await;
        // Further bytes are in the buffers of two sockets.
        assert!(most.load(Ordering::SeqCst) < 16 << 20, "{most:?}");
    }
}

/// A row of this many bytes.
const ROW: Route = Route {
    path: |_| "/row/{bytes}",
    methods: &[(
        Method::GET,
        Handler::Async(|context| {
            async move {
                let bytes: i32 =
                    context.parameter("bytes").and_then(|bytes| bytes.parse().ok()).expect("a number");
                let database = context.database();
                let rows = database.query("select repeat('x', $1)", &[(&bytes, Type::INT4)]).await?;
                Ok(Reply::json(StatusCode::OK, &rows[0].get::<_, &str>(0).len()))
            }
            .boxed()
        }),
    )],
    ..NAP
};

#[tokio::test]
async fn a_row_that_is_too_long_costs_its_request_and_no_other() {
    static ROUTES: &[&Route] = &[&NAP, &ROW, &HEALTH];
    let postgres = Postgres::start().unwrap();
    let by_address =
        format!("postgresql://app:{PASSWORD}@/postgres?hostaddr=127.0.0.1&port={}", postgres.port());
    for url in [postgres.url(), by_address] {
        let service = serve_with(&production(&[]), &url, ROUTES).await;
        let address = service.local_addr();
        assert_eq!(get(address, "/row/8388608").await.body, "8388608");
        let answer = get(address, "/row/33554432").await;
        assert_eq!(answer.status, 503);
        assert_tells_nothing(&answer);
        assert_eq!(nap(address).await, 204);
        assert_eq!(get(address, "/health").await.status, 200);
        service.stop().await;
    }
}
