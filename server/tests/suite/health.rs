//! The deep health check tells the truth about a real PostgreSQL.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use http::{Method, StatusCode};
use profiles::Declaration;
use server::{Handler, Reply, Route};
use testkit::{Fault, FaultProxy, Postgres};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::support::{Answer, NAP, NO_DATABASE, get, production, request, rest, serve, serve_with};

fn verdict(answer: &Answer) -> (u16, String, String) {
    let health = answer.json();
    let text = |name: &str| health[name].as_str().unwrap().to_owned();
    (answer.status, text("status"), text("database"))
}

fn connected() -> (u16, String, String) {
    (200, "ok".to_owned(), "connected".to_owned())
}

fn disconnected() -> (u16, String, String) {
    (503, "unhealthy".to_owned(), "disconnected".to_owned())
}

#[tokio::test]
async fn a_running_database_is_connected_and_every_answer_is_fresh() {
    let postgres = Postgres::start().unwrap();
    let service = serve(&production(&[]), &postgres.url()).await;
    let (first, second) =
        (get(service.local_addr(), "/health").await, get(service.local_addr(), "/health").await);
    assert_eq!((verdict(&first), verdict(&second)), (connected(), connected()));
    assert_eq!(first.header("cache-control"), Some("no-store"));
    assert_eq!(first.header("content-type"), Some("application/json"));
    let health = first.json();
    let keys: Vec<_> = health.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["database", "environment", "status", "timestamp"]);
    assert_eq!(health["environment"], "production");
    let times: Vec<jiff::Timestamp> =
        [&first, &second].map(|answer| answer.json()["timestamp"].as_str().unwrap().parse().unwrap()).into();
    assert!(
        times[0] < times[1] && times[0].duration_until(jiff::Timestamp::now()).as_secs() < 5,
        "{times:?}"
    );
    service.stop().await;
}

#[tokio::test]
async fn a_stopped_database_is_disconnected_until_it_runs_again() {
    let mut postgres = Postgres::start().unwrap();
    let service = serve(&production(&[]), &postgres.url()).await;
    assert_eq!(verdict(&get(service.local_addr(), "/health").await), connected());
    postgres.kill();
    assert_eq!(verdict(&get(service.local_addr(), "/health").await), disconnected());
    assert_eq!(get(service.local_addr(), "/livez").await.status, 200);
    postgres.start_again();
    assert_eq!(verdict(&get(service.local_addr(), "/health").await), connected());
}

#[tokio::test]
async fn an_unhealthy_answer_says_nothing_of_the_reason() {
    let postgres = Postgres::start().unwrap();
    let wrong_name = format!("{}-of-no-one", postgres.url());
    for url in [wrong_name.as_str(), NO_DATABASE] {
        let service = serve(&production(&[]), url).await;
        let answer = get(service.local_addr(), "/health").await;
        assert_eq!(verdict(&answer), disconnected(), "{url}");
        assert_eq!(answer.json().as_object().unwrap().len(), 4, "{}", answer.body);
    }
}

/// With a budget that suffices on a busy machine.
fn patient() -> Declaration {
    production(&[("budget = \"2s\"", "budget = \"5s\"")])
}

/// A connection with a pending health check.
async fn asked(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request("GET", "/health", &[]).as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn three_hundred_probes_at_once_are_one_query() {
    let postgres = Postgres::start().unwrap();
    let proxy = FaultProxy::to(postgres.port()).await.unwrap();
    let service = serve(&patient(), &proxy.url()).await;
    let address = service.local_addr();
    assert_eq!(get(address, "/health").await.status, 200);
    assert_eq!(proxy.counts().queries, 1);

    proxy.set(Fault::Stall).await.unwrap();
    let mut probes = join_all((0..300).map(|_| asked(address))).await;
    // Until each of them has been read, on a busy machine too.
    sleep(Duration::from_secs(2)).await;
    proxy.set(Fault::None).await.unwrap();
    for probe in &mut probes {
        assert_eq!(Answer::parse(&rest(probe).await).status, 200);
    }
    assert_eq!(proxy.counts().queries, 2);
}

#[tokio::test]
async fn a_probe_that_goes_away_does_not_take_the_others_answer() {
    let postgres = Postgres::start().unwrap();
    let proxy = FaultProxy::to(postgres.port()).await.unwrap();
    let service = serve(&patient(), &proxy.url()).await;
    assert_eq!(get(service.local_addr(), "/health").await.status, 200);

    proxy.set(Fault::Stall).await.unwrap();
    let first = asked(service.local_addr()).await;
    sleep(Duration::from_millis(200)).await;
    let mut second = asked(service.local_addr()).await;
    sleep(Duration::from_millis(200)).await;
    drop(first);
    sleep(Duration::from_millis(200)).await;
    proxy.set(Fault::None).await.unwrap();
    assert_eq!(Answer::parse(&rest(&mut second).await).status, 200);
    assert_eq!(proxy.counts().queries, 2);
}

#[tokio::test]
async fn a_verdict_that_nobody_waited_for_is_not_kept() {
    let postgres = Postgres::start().unwrap();
    let proxy = FaultProxy::to(postgres.port()).await.unwrap();
    let service = serve(&patient(), &proxy.url()).await;
    assert_eq!(get(service.local_addr(), "/health").await.status, 200);

    proxy.set(Fault::Stall).await.unwrap();
    drop(asked(service.local_addr()).await);
    sleep(Duration::from_millis(300)).await;
    proxy.set(Fault::None).await.unwrap();
    sleep(Duration::from_millis(300)).await;
    let before = proxy.counts().queries;
    assert_eq!(get(service.local_addr(), "/health").await.status, 200);
    assert_eq!(proxy.counts().queries, before + 1, "the database was asked again");
}

#[tokio::test]
async fn a_silent_database_is_disconnected_within_the_budget() {
    let postgres = Postgres::start().unwrap();
    let proxy = FaultProxy::to(postgres.port()).await.unwrap();
    let quick = production(&[("budget = \"2s\"", "budget = \"500ms\"")]);
    let service = serve(&quick, &proxy.url()).await;
    let warm = get(service.local_addr(), "/health").await;
    assert_eq!(warm.status, 200, "{warm:?}");

    proxy.set(Fault::Stall).await.unwrap();
    for _ in 0..2 {
        let started = Instant::now();
        assert_eq!(verdict(&get(service.local_addr(), "/health").await), disconnected());
        let took = started.elapsed();
        assert!(took < Duration::from_millis(1_500), "{took:?}");
    }
    proxy.set(Fault::None).await.unwrap();
    // The silent connection was discarded; a new one answers.
    assert_eq!(verdict(&get(service.local_addr(), "/health").await), connected());
}

const ONE: Route = Route {
    path: |_| "/one",
    methods: &[(
        Method::GET,
        Handler::Async(|context| {
            async move {
                let rows = context.database().query("select 1", &[]).await?;
                Ok(Reply::json(StatusCode::OK, &rows[0].get::<_, i32>(0)))
            }
            .boxed()
        }),
    )],
    ..NAP
};
static ROUTES: &[&Route] = &[&NAP, &ONE];

#[tokio::test]
async fn a_statement_cut_by_its_deadline_is_cancelled_and_blocks_nobody() {
    let postgres = Postgres::start().unwrap();
    let narrow = production(&[
        ("request_timeout = \"10s\"", "request_timeout = \"400ms\""),
        ("body_timeout = \"8s\"", "body_timeout = \"100ms\""),
        ("= \"2s\"", "= \"400ms\""),
        ("= \"500ms\"", "= \"100ms\""),
        ("= \"1s\"", "= \"100ms\""),
        ("size = 10", "size = 1"),
        ("overflow = 2", "overflow = 0"),
    ]);
    let service = serve_with(&narrow, &postgres.url(), ROUTES).await;
    assert_eq!(get(service.local_addr(), "/one").await.body, "1");
    assert_eq!(get(service.local_addr(), "/nap/30000").await.status, 503);
    assert_eq!(get(service.local_addr(), "/one").await.body, "1", "the only connection of the pool is free");

    // A disconnected client frees it too.
    let mut gone = TcpStream::connect(service.local_addr()).await.unwrap();
    gone.write_all(request("GET", "/nap/30000", &[]).as_bytes()).await.unwrap();
    sleep(Duration::from_millis(100)).await;
    drop(gone);
    assert_eq!(get(service.local_addr(), "/one").await.body, "1");

    // Until each of them has been read, on a busy machine too.
    sleep(Duration::from_secs(2)).await;
    let asleep =
        "select count(*) from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'";
    assert_eq!(postgres.ask(asleep), "0");
}
