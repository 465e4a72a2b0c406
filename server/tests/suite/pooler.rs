//! Poolers in transaction mode, and the refusals of them and of PostgreSQL.
//!
//! A single client never shows the faults of a transaction pooler, so there are always more clients than server
//! connections.

use std::net::SocketAddr;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use http::{Method, StatusCode};
use server::{HEALTH, Handler, Reply, Route, RouteKind, Served};
use testkit::{Authority, FaultProxy, PgBouncer, Postgres};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::{Duration, Instant, sleep};
use tokio_postgres::types::Type;

use crate::support::{NAP, get, is_unhealthy, log_while, production, serve_with, until};

const SUM: Route = Route {
    path: |_| "/sum",
    methods: &[(
        Method::GET,
        Handler::Async(|context| {
            async move {
                let one: &(dyn tokio_postgres::types::ToSql + Sync) = &1_i64;
                let parameters = [(one, Type::INT8), (one, Type::INT8)];
                let rows = context.database().query("select $1 + $2", &parameters).await?;
                Ok(Reply::json(StatusCode::OK, &rows[0].get::<_, i64>(0)))
            }
            .boxed()
        }),
    )],
    served: Served::Always,
    kind: RouteKind::Api,
    summary: "Adds in the database.",
};
const MOOD: Route = Route {
    path: |_| "/mood",
    methods: &[(
        Method::GET,
        Handler::Async(|context| {
            async move {
                let rows = context.database().query("select 'merry'::mood::text", &[]).await?;
                Ok(Reply::json(StatusCode::OK, &rows[0].get::<_, String>(0)))
            }
            .boxed()
        }),
    )],
    ..SUM
};
const WRITE: Route = Route {
    path: |_| "/write",
    methods: &[(
        Method::POST,
        Handler::Async(|context| {
            async move {
                let body = std::str::from_utf8(context.body()).expect("a test's body").to_owned();
                let text: &(dyn tokio_postgres::types::ToSql + Sync) = &body;
                let parameters = [(text, Type::TEXT)];
                let written =
                    context.database().execute("insert into notes values ($1)", &parameters).await?;
                Ok(Reply::json(StatusCode::OK, &written))
            }
            .boxed()
        }),
    )],
    ..SUM
};
/// A mistake: a user-defined type without a cast.
const BARE_MOOD: Route = Route {
    path: |_| "/bare-mood",
    methods: &[(
        Method::GET,
        Handler::Async(|context| {
            async move {
                context.database().query("select 'merry'::mood", &[]).await?;
                Ok(Reply::empty(StatusCode::NO_CONTENT))
            }
            .boxed()
        }),
    )],
    ..SUM
};
static ROUTES: &[&Route] = &[&BARE_MOOD, &SUM, &MOOD, &WRITE, &NAP, &HEALTH];

async fn answers(address: SocketAddr, path: &str, requests: usize) -> Vec<(u16, String)> {
    let answers = join_all((0..requests).map(|_| get(address, path))).await;
    answers.into_iter().map(|answer| (answer.status, answer.body)).collect()
}

#[tokio::test]
async fn a_hundred_requests_at_once_all_succeed_over_twelve_connections_and_never_more() {
    let postgres = Postgres::start().unwrap();
    let proxy = FaultProxy::to(postgres.port()).await.unwrap();
    let service = serve_with(&production(&[]), &proxy.url(), ROUTES).await;
    for _ in 0..3 {
        let answers = answers(service.local_addr(), "/sum", 100).await;
        assert!(answers.iter().all(|answer| *answer == (200, "2".to_owned())), "{answers:?}");
    }
    assert!((10..=12).contains(&proxy.counts().sessions.most_open), "{}", proxy.counts().sessions.most_open);
}

#[tokio::test]
async fn every_statement_works_when_there_are_more_clients_than_server_connections() {
    let postgres = Postgres::start().unwrap();
    postgres.ask("create type mood as enum ('merry', 'glum'); create table notes (text text)");
    let bouncer = PgBouncer::before(&postgres, &["default_pool_size = 2"]).unwrap();
    let proxy = FaultProxy::to(bouncer.port()).await.unwrap();
    let service = serve_with(&production(&[]), &proxy.url(), ROUTES).await;
    let address = service.local_addr();
    for round in 0..10 {
        let (sums, moods) =
            futures_util::future::join(answers(address, "/sum", 12), answers(address, "/mood", 12)).await;
        assert!(sums.iter().all(|answer| *answer == (200, "2".to_owned())), "{round}: {sums:?}");
        assert!(moods.iter().all(|answer| *answer == (200, "\"merry\"".to_owned())), "{round}: {moods:?}");
        assert_eq!(get(address, "/health").await.status, 200);
    }
    assert_eq!(proxy.counts().named_statements, 0, "no statement has a name");
    assert!(proxy.counts().sessions.most_open >= 10, "{} clients", proxy.counts().sessions.most_open);
    assert_eq!(postgres.sessions(), 2);
}

#[tokio::test]
async fn a_type_that_is_not_cast_spoils_its_own_requests_and_no_others() {
    let postgres = Postgres::start().unwrap();
    postgres.ask("create type mood as enum ('merry', 'glum')");
    let bouncer = PgBouncer::before(&postgres, &["default_pool_size = 2"]).unwrap();
    let service = serve_with(&production(&[]), &bouncer.url(), ROUTES).await;
    let address = service.local_addr();
    let mut refused = 0;
    for round in 0..20 {
        let (bare, sums) =
            futures_util::future::join(answers(address, "/bare-mood", 6), answers(address, "/sum", 6)).await;
        assert!(sums.iter().all(|answer| *answer == (200, "2".to_owned())), "{round}: {sums:?}");
        assert!(bare.iter().all(|(status, _)| [204, 500].contains(status)), "{round}: {bare:?}");
        refused += bare.iter().filter(|(status, _)| *status == 500).count();
    }
    assert!(refused > 0, "a pooler loses named statements");
}

#[tokio::test]
async fn a_postgresql_that_is_killed_during_a_statement_behind_the_pooler_is_a_503() {
    let mut postgres = Postgres::start().unwrap();
    let bouncer = PgBouncer::before(&postgres, &["server_login_retry = 1"]).unwrap();
    let service = serve_with(&production(&[]), &bouncer.url(), ROUTES).await;
    let address = service.local_addr();
    let asleep = tokio::spawn(async move { get(address, "/nap/20000").await });
    sleep(Duration::from_millis(500)).await;
    postgres.kill();
    let answer = asleep.await.unwrap();
    assert_eq!(answer.status, 503, "{answer:?}");
    postgres.start_again();
    until(async || get(address, "/sum").await.status == 200).await;
}

#[tokio::test]
async fn what_is_written_is_written_once() {
    let postgres = Postgres::start().unwrap();
    postgres.ask("create table notes (text text)");
    let bouncer = PgBouncer::before(&postgres, &["default_pool_size = 2"]).unwrap();
    let service = serve_with(&production(&[]), &bouncer.url(), ROUTES).await;
    let write = |body: &'static str| {
        let fields = [("content-length", "4"), ("content-type", "text/plain")];
        let head = crate::support::request("POST", "/write", &fields);
        crate::support::raw(service.local_addr(), head + body)
    };
    let written = join_all((0..24).map(|_| write("note"))).await;
    assert!(written.iter().all(|answer| answer.ends_with("\r\n\r\n1")), "{written:?}");
    assert_eq!(postgres.ask("select count(*) from notes where text = 'note'"), "24");
}

#[tokio::test]
async fn a_statement_cut_by_its_deadline_is_cancelled_through_the_pooler_as_well() {
    let postgres = Postgres::start().unwrap();
    let authority = Authority::new().unwrap();
    let bouncer = PgBouncer::before(&postgres, &["default_pool_size = 2"]).unwrap();
    let with_tls = PgBouncer::with_tls(&postgres, &authority.sign(&["localhost"]).unwrap()).unwrap();
    let hasty = production(&[
        ("request_timeout = \"10s\"", "request_timeout = \"4s\""),
        ("body_timeout = \"8s\"", "body_timeout = \"4s\""),
    ]);
    for url in [postgres.url(), bouncer.url(), authority.verified_url("localhost", with_tls.port())] {
        let service = serve_with(&hasty, &url, ROUTES).await;
        let cut = answers(service.local_addr(), "/nap/20000", 2).await;
        assert!(cut.iter().all(|(status, _)| *status == 503), "{cut:?}");
        let asleep =
            "select count(*) from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'";
        let deadline = Instant::now() + Duration::from_secs(2);
        while postgres.ask(asleep) != "0" {
            assert!(Instant::now() < deadline, "it still runs; {}", bouncer.log());
            sleep(Duration::from_millis(20)).await;
        }
        let answers = answers(service.local_addr(), "/sum", 12).await;
        assert!(answers.iter().all(|answer| *answer == (200, "2".to_owned())), "{answers:?}");
    }
}

#[tokio::test]
async fn a_statement_that_postgresql_refuses_is_our_mistake_and_costs_no_connection() {
    let postgres = Postgres::start().unwrap();
    // No table `notes`.
    let service = serve_with(&production(&[]), &postgres.url(), ROUTES).await;
    for _ in 0..3 {
        let fields = [("content-length", "4"), ("content-type", "text/plain")];
        let answer = crate::support::raw(
            service.local_addr(),
            crate::support::request("POST", "/write", &fields) + "note",
        );
        let answer = crate::support::Answer::parse(&answer.await);
        assert_eq!(answer.status, 500);
        assert!(!answer.body.contains("notes"), "{}", answer.body);
    }
    assert_eq!(postgres.sessions(), 1);
}

#[tokio::test]
async fn too_many_clients_of_postgresql_are_unhealthy_and_named_in_the_log() {
    let postgres = Postgres::with(&["max_connections = 4", "superuser_reserved_connections = 0"]).unwrap();
    let (client, connection) = tokio_postgres::connect(&postgres.url(), tokio_postgres::NoTls).await.unwrap();
    let holder = tokio::spawn(connection);
    let more = join_all((0..3).map(async |_| {
        let (client, connection) =
            tokio_postgres::connect(&postgres.url(), tokio_postgres::NoTls).await.unwrap();
        (client, tokio::spawn(connection))
    }))
    .await;
    let log = log_while(&postgres.url(), async |address| {
        is_unhealthy(address).await;
        drop(more);
        sleep(Duration::from_millis(300)).await;
        assert_eq!(get(address, "/health").await.status, 200);
    })
    .await;
    drop((client, holder));
    assert!(log.contains("\"class\":\"too-many-connections\""), "{log}");
    assert!(log.contains("raise `max_connections`"), "{log}");
}

#[tokio::test]
async fn too_many_clients_of_the_pooler_are_unhealthy_and_named_in_the_log() {
    let postgres = Postgres::start().unwrap();
    let bouncer = PgBouncer::before(&postgres, &["max_client_conn = 1"]).unwrap();
    let (client, connection) = tokio_postgres::connect(&bouncer.url(), tokio_postgres::NoTls).await.unwrap();
    let holder = tokio::spawn(connection);
    let log = log_while(&bouncer.url(), is_unhealthy).await;
    drop((client, holder));
    assert!(log.contains("\"class\":\"too-many-connections\""), "{log}");
    assert!(log.contains("`max_client_conn`"), "{log}");
}

#[tokio::test]
async fn a_pooler_without_a_free_server_connection_is_unhealthy_and_named_in_the_log() {
    let postgres = Postgres::start().unwrap();
    let settings = ["default_pool_size = 1", "query_wait_timeout = 1"];
    let bouncer = PgBouncer::before(&postgres, &settings).unwrap();
    let (client, connection) = tokio_postgres::connect(&bouncer.url(), tokio_postgres::NoTls).await.unwrap();
    let holder = tokio::spawn(connection);
    client.batch_execute("begin").await.unwrap();
    let log = log_while(&bouncer.url(), async |address| {
        is_unhealthy(address).await;
        client.batch_execute("rollback").await.unwrap();
        assert_eq!(get(address, "/health").await.status, 200);
    })
    .await;
    drop(holder);
    assert!(log.contains("\"class\":\"pooler-busy\""), "{log}");
    assert!(log.contains("`query_wait_timeout`"), "{log}");
}

#[tokio::test]
async fn a_pooler_without_its_database_is_unhealthy_and_well_again_with_it() {
    let mut postgres = Postgres::start().unwrap();
    let bouncer = PgBouncer::before(&postgres, &["server_login_retry = 1"]).unwrap();
    postgres.kill();
    let log = log_while(&bouncer.url(), async |address| {
        is_unhealthy(address).await;
        is_unhealthy(address).await;
        postgres.start_again();
        // The pooler itself retries once a second.
        let deadline = Instant::now() + Duration::from_secs(4);
        while get(address, "/health").await.status != 200 {
            assert!(Instant::now() < deadline, "not healthy again; {}", bouncer.log());
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    // PgBouncer 1.18 keeps its clients waiting.
    assert!(log.contains("\"class\":\"timeout\""), "{log}");
}

/// A later PgBouncer reports at once what 1.18 does not: the message of 1.25, from a socket.
#[tokio::test]
async fn a_pooler_that_says_why_it_has_no_database_is_named_in_the_log() {
    let pooler = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = pooler.local_addr().unwrap().port();
    tokio::spawn(async move {
        let said = b"SFATAL\0C08P01\0Mserver login has been failing, cached error: connect failed (server_login_retry)\0\0";
        let length = u32::try_from(said.len() + 4).unwrap().to_be_bytes();
        let answer = [&b"E"[..], &length, said].concat();
        loop {
            let (mut client, _) = pooler.accept().await.unwrap();
            let _ = client.read(&mut [0; 1024]).await;
            let _ = client.write_all(&answer).await;
        }
    });
    let log = log_while(&testkit::url("127.0.0.1", port), is_unhealthy).await;
    assert!(log.contains("\"class\":\"pooler-login\""), "{log}");
    assert!(!log.contains("cached error"), "{log}");
}
