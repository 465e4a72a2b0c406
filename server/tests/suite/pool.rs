//! The pool keeps what the profile says of it.

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use http::{Method, StatusCode};
use server::{Kind, Reply, Route, Served};
use tokio::time::{Duration, Instant, sleep};

use crate::support::{Postgres, Wire, get, production, serve_with};

const NAP: Route = Route {
    path: |_| "/nap",
    methods: &[(Method::GET, |context| {
        async move {
            context.database().query("select pg_sleep(0.5)", &[]).await?;
            Ok(Reply::empty(StatusCode::NO_CONTENT))
        }
        .boxed()
    })],
    served: Served::Always,
    kind: Kind::Api,
    summary: "Naps in the database.",
};
static ROUTES: &[&Route] = &[&NAP];

#[tokio::test]
async fn overflow_is_closed_when_it_is_idle_and_everything_after_idle_trim() {
    let postgres = Postgres::start();
    let profile = production(&[
        ("size = 10", "size = 2"),
        ("idle_trim = \"4m\"", "idle_trim = \"6s\""),
        ("acquire_timeout = \"2s\"", "acquire_timeout = \"8s\""),
    ]);
    let service = serve_with(&profile, &postgres.url(), ROUTES).await;
    let open = "select count(*) from pg_stat_activity where backend_type = 'client backend' and application_name <> 'psql'";

    let burst = join_all((0..16).map(|_| get(service.local_addr(), "/nap")));
    let seen = async {
        sleep(Duration::from_millis(1_200)).await;
        postgres.ask(open)
    };
    let (answers, seen) = futures_util::future::join(burst, seen).await;
    assert!(answers.iter().all(|answer| answer.status == 204), "{answers:?}");
    assert_eq!(seen, "4", "size + overflow, and never more");
    until(|| postgres.ask(open) == "2").await;
    until(|| postgres.ask(open) == "0").await;
    assert_eq!(get(service.local_addr(), "/nap").await.status, 204);
}

#[tokio::test]
async fn connections_that_died_while_they_were_idle_cost_one_ping_together() {
    let postgres = Postgres::start();
    let wire = Wire::to(postgres.port()).await;
    let profile = production(&[
        ("ping_after = \"5s\"", "ping_after = \"100ms\""),
        ("request_timeout = \"10s\"", "request_timeout = \"4s\""),
    ]);
    let service = serve_with(&profile, &postgres.url_through(wire.port), ROUTES).await;
    let warm = join_all((0..10).map(|_| get(service.local_addr(), "/nap"))).await;
    assert!(warm.iter().all(|answer| answer.status == 204), "{warm:?}");
    sleep(Duration::from_millis(200)).await;

    wire.forget();
    // Asked one after the other, ten would take five seconds; not asked at all, the first would take for ever.
    assert_eq!(get(service.local_addr(), "/nap").await.status, 204);
}

async fn until(mut seen: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !seen() {
        assert!(Instant::now() < deadline, "not seen within 20 s");
        sleep(Duration::from_millis(100)).await;
    }
}
