//! The pool keeps the profile's settings.

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use http::{Method, StatusCode};
use server::{Handler, Reply, Route};
use testkit::{FaultProxy, Postgres};
use tokio::time::{Duration, Instant, sleep};

use crate::support::{NAP, get, production, serve_with, until};

const METRICS: Route = Route {
    path: |_| "/metrics",
    methods: &[(
        Method::GET,
        Handler::Async(|context| {
            let metrics = context.database().metrics();
            let body = serde_json::json!({
                "size": metrics.size, "available": metrics.available, "waiting": metrics.waiting,
                "created": metrics.created, "recycled": metrics.recycled, "discarded": metrics.discarded,
                "checkouts": metrics.checkouts,
                "checkout_longest_ms": u64::try_from(metrics.checkout_longest.as_millis()).unwrap(),
            });
            std::future::ready(Ok(Reply::json(StatusCode::OK, &body))).boxed()
        }),
    )],
    ..NAP
};
static ROUTES: &[&Route] = &[&NAP, &METRICS];

#[tokio::test]
async fn overflow_is_closed_when_it_is_idle_and_everything_after_idle_trim() {
    let postgres = Postgres::start().unwrap();
    let profile = production(&[
        ("size = 10", "size = 2"),
        ("idle_trim = \"4m\"", "idle_trim = \"6s\""),
        ("acquire_timeout = \"2s\"", "acquire_timeout = \"8s\""),
    ]);
    let service = serve_with(&profile, &postgres.url(), ROUTES).await;
    let burst = join_all((0..16).map(|_| get(service.local_addr(), "/nap/500")));
    let seen = async {
        sleep(Duration::from_millis(1_200)).await;
        postgres.sessions()
    };
    let (answers, seen) = futures_util::future::join(burst, seen).await;
    assert!(answers.iter().all(|answer| answer.status == 204), "{answers:?}");
    assert_eq!(seen, 4, "size + overflow, and never more");
    until(async || postgres.sessions() == 2).await;
    until(async || postgres.sessions() == 0).await;
    assert_eq!(get(service.local_addr(), "/nap/500").await.status, 204);
}

#[tokio::test]
async fn only_a_connection_that_was_idle_is_pinged() {
    let postgres = Postgres::start().unwrap();
    let proxy = FaultProxy::to(postgres.port()).await.unwrap();
    let profile = production(&[("ping_after = \"5s\"", "ping_after = \"1s\"")]);
    let service = serve_with(&profile, &proxy.url(), ROUTES).await;
    let address = service.local_addr();
    for _ in 0..5 {
        assert_eq!(get(address, "/nap/0").await.status, 204);
    }
    assert_eq!(proxy.counts().pings, 0, "a fresh connection costs no round trip more");
    sleep(Duration::from_millis(1_100)).await;
    for _ in 0..5 {
        assert_eq!(get(address, "/nap/0").await.status, 204);
    }
    assert_eq!((proxy.counts().pings, proxy.counts().sessions.opened), (1, 1));
}

#[tokio::test]
async fn connections_are_replaced_by_their_age_and_not_all_at_once() {
    let postgres = Postgres::start().unwrap();
    let proxy = FaultProxy::to(postgres.port()).await.unwrap();
    // One client sends more than its rate.
    let profile = production(&[
        ("recycle_after = \"1h\"", "recycle_after = \"15s\""),
        ("rate_limit = 600", "# rate_limit = 600"),
    ]);
    let service = serve_with(&profile, &proxy.url(), ROUTES).await;
    let address = service.local_addr();
    let warm = join_all((0..10).map(|_| get(address, "/nap/500"))).await;
    assert!(warm.iter().all(|answer| answer.status == 204), "{warm:?}");
    assert_eq!(proxy.counts().sessions.opened, 10);

    // Each between twelve and fifteen seconds after it was opened.
    let (started, mut waves) = (Instant::now(), Vec::new());
    while started.elapsed() < Duration::from_millis(15_200) {
        let before = proxy.counts().sessions.opened;
        let answers = join_all((0..10).map(|_| get(address, "/nap/100"))).await;
        assert!(answers.iter().all(|answer| answer.status == 204), "{answers:?}");
        if proxy.counts().sessions.opened > before {
            waves.push((started.elapsed(), proxy.counts().sessions.opened - before));
        }
    }
    assert_eq!(waves.iter().map(|(_, opened)| opened).sum::<u64>(), 10, "{waves:?}");
    let (first, last) = (waves[0].0, waves[waves.len() - 1].0);
    assert!(first > Duration::from_secs(10) && first + Duration::from_millis(800) < last, "{waves:?}");
    let metrics = get(address, "/metrics").await.json();
    assert_eq!((&metrics["recycled"], &metrics["created"]), (&10.into(), &20.into()));
}

#[tokio::test]
async fn the_pool_counts_what_it_does() {
    let postgres = Postgres::start().unwrap();
    let patient = production(&[("acquire_timeout = \"2s\"", "acquire_timeout = \"8s\"")]);
    let service = serve_with(&patient, &postgres.url(), ROUTES).await;
    let address = service.local_addr();
    let metrics = async || get(address, "/metrics").await.json();
    assert_eq!(metrics().await["size"], 0, "nothing is opened before it is needed");

    let busy = tokio::spawn(join_all((0..15).map(move |_| get(address, "/nap/2000"))));
    // Callers of an opening connection count as waiting too, so both must be seen together.
    until(async || {
        let full = metrics().await;
        full["size"] == 12 && full["waiting"] == 3 && full["available"] == 0
    })
    .await;
    assert!(busy.await.unwrap().iter().all(|answer| answer.status == 204));
    let after = metrics().await;
    assert_eq!(
        (&after["created"], &after["checkouts"], &after["waiting"]),
        (&12.into(), &15.into(), &0.into())
    );
    assert!(after["checkout_longest_ms"].as_u64() > Some(0), "{after}");

    postgres.ask("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()");
    until(async || metrics().await["size"] == 0).await;
}

#[tokio::test]
async fn at_the_end_postgresql_is_told_and_has_no_session_left() {
    let postgres =
        Postgres::with(&["log_connections = on", "log_disconnections = on", "log_min_messages = debug1"])
            .unwrap();
    let service = serve_with(&production(&[]), &postgres.url(), ROUTES).await;
    let answers = join_all((0..10).map(|_| get(service.local_addr(), "/nap/500"))).await;
    assert!(answers.iter().all(|answer| answer.status == 204), "{answers:?}");
    assert_eq!(service.stop().await.cut, 0);
    until(async || postgres.sessions() == 0).await;
    let log = postgres.log();
    assert!(log.matches("disconnection: session time").count() >= 10, "{log}");
    assert!(!log.contains("unexpected EOF") && !log.contains("could not receive data"), "{log}");
}
