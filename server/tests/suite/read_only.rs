//! A read-only database: refused statements, the health check's answer, and the recovery.

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use http::{Method, StatusCode};
use server::{Context, HEALTH, Handler, LIVEZ, Refusal, Reply, Route, Running};
use testkit::{PgBouncer, Postgres};

use crate::support::{NAP, get, log_while, production, send, serve_with, until};

/// One statement that writes.
const WRITE: Route = Route {
    path: |_| "/notes",
    methods: &[(Method::POST, Handler::Async(|context| write(context).boxed()))],
    ..NAP
};
/// The same in a transaction.
const TRANSACTION: Route = Route {
    path: |_| "/transaction",
    methods: &[(Method::POST, Handler::Async(|context| write_in_a_transaction(context).boxed()))],
    ..NAP
};
static ROUTES: &[&Route] = &[&NAP, &WRITE, &TRANSACTION, &HEALTH, &LIVEZ];

async fn write(context: Context) -> Result<Reply, Refusal> {
    context.database().execute("insert into notes values (1)", &[]).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

async fn write_in_a_transaction(context: Context) -> Result<Reply, Refusal> {
    let mut transaction = context.database().begin().await?;
    transaction.execute("insert into notes values (2)", &[]).await?;
    transaction.commit().await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

fn postgres() -> Postgres {
    let postgres = Postgres::start().unwrap();
    postgres.ask("create table notes (note int)");
    postgres
}

/// Makes new sessions read-only or writable, as platforms do with a database that outgrows its disk.
fn sessions_take_writes(postgres: &Postgres, they_do: bool) {
    let read_only = if they_do { "off" } else { "on" };
    postgres.ask(&format!(
        "begin read write; alter database postgres set default_transaction_read_only = {read_only}; commit"
    ));
}

async fn posts(service: &Running, path: &str, count: usize) -> Vec<u16> {
    let posts = (0..count).map(|_| send(service.local_addr(), "POST", path, &[]));
    join_all(posts).await.iter().map(|answer| answer.status).collect()
}

/// Sends twelve slow requests at once, so that the pool opens a connection for each.
async fn warm(service: &Running) {
    let answers = join_all((0..12).map(|_| get(service.local_addr(), "/nap/200"))).await;
    assert!(answers.iter().all(|answer| answer.status == 204), "{answers:?}");
}

#[tokio::test]
async fn no_session_that_was_opened_before_a_refused_write_is_used_after_it() {
    let postgres = postgres();
    for path in ["/notes", "/transaction"] {
        sessions_take_writes(&postgres, false);
        let service = serve_with(&production(&[]), &postgres.url(), ROUTES).await;
        warm(&service).await;
        assert_eq!(posts(&service, path, 1).await, [503], "{path}");
        sessions_take_writes(&postgres, true);
        assert_eq!(posts(&service, path, 12).await, [204; 12], "{path}");
        service.stop().await;
    }
}

#[tokio::test]
async fn a_pooler_keeps_no_session_either_that_was_refused_a_write() {
    let postgres = postgres();
    for path in ["/notes", "/transaction"] {
        sessions_take_writes(&postgres, false);
        let bouncer = PgBouncer::before(&postgres, &["default_pool_size = 3"]).unwrap();
        let service = serve_with(&production(&[]), &bouncer.url(), ROUTES).await;
        warm(&service).await;
        assert_eq!(postgres.sessions(), 3);
        for _ in 0..3 {
            assert_eq!(posts(&service, path, 1).await, [503], "{path}");
        }
        sessions_take_writes(&postgres, true);
        assert_eq!(posts(&service, path, 12).await, [204; 12], "{path}");
        service.stop().await;
    }
}

/// The health check's status, and its state of the database.
async fn health(service: &Running) -> (u16, String) {
    let answer = get(service.local_addr(), "/health").await;
    (answer.status, answer.json()["database"].as_str().unwrap().to_owned())
}

fn read_only() -> (u16, String) {
    (503, "read-only".to_owned())
}

fn connected() -> (u16, String) {
    (200, "connected".to_owned())
}

fn declare_all_read_only(postgres: &Postgres, read_only: &str) {
    postgres.ask(&format!("alter system set default_transaction_read_only = {read_only}"));
    postgres.ask("select pg_reload_conf()");
}

#[tokio::test]
async fn the_health_check_tells_of_a_database_that_takes_no_writes_and_of_its_recovery() {
    let postgres = postgres();
    let service = serve_with(&production(&[]), &postgres.url(), ROUTES).await;
    let careless = production(&[("writes = true", "writes = false")]);
    let reader = serve_with(&careless, &postgres.url(), ROUTES).await;
    assert_eq!((health(&service).await, health(&reader).await), (connected(), connected()));

    declare_all_read_only(&postgres, "on");
    until(async || health(&service).await == read_only()).await;
    assert_eq!(posts(&service, "/notes", 3).await, [503; 3]);
    assert_eq!(get(service.local_addr(), "/nap/0").await.status, 204, "what is only read is still answered");
    assert_eq!(get(service.local_addr(), "/livez").await.status, 200);
    assert_eq!(health(&reader).await, connected(), "where the profile promises no writes");

    declare_all_read_only(&postgres, "off");
    until(async || health(&service).await == connected()).await;
    assert_eq!(posts(&service, "/notes", 12).await, [204; 12]);
}

#[tokio::test]
async fn the_health_check_asks_a_session_of_now_and_also_while_the_pool_is_busy() {
    let postgres = postgres();
    let service = serve_with(&production(&[]), &postgres.url(), ROUTES).await;
    for _ in 0..2 {
        sessions_take_writes(&postgres, false);
        service_forgets(&postgres);
        assert_eq!(health(&service).await, read_only());
        sessions_take_writes(&postgres, true);
        assert_eq!(health(&service).await, connected(), "at once");
    }
    sessions_take_writes(&postgres, false);
    let address = service.local_addr();
    let busy = tokio::spawn(join_all((0..12).map(move |_| get(address, "/nap/3000"))));
    until(async || postgres.sessions() >= 12).await;
    assert_eq!(health(&service).await, read_only(), "of the connection in reserve");
    assert!(busy.await.unwrap().iter().all(|answer| answer.status == 204));
}

/// Ends its sessions, so that it begins new ones.
fn service_forgets(postgres: &Postgres) {
    postgres.ask(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity \
         where backend_type = 'client backend' and pid <> pg_backend_pid()",
    );
}

#[tokio::test]
async fn the_log_says_that_the_database_takes_no_writes_and_the_answer_no_more_than_that() {
    let postgres = postgres();
    declare_all_read_only(&postgres, "on");
    let log = log_while(&postgres.url(), async |address| {
        let answer = get(address, "/health").await;
        let health = answer.json();
        assert_eq!((answer.status, &health["status"]), (503, &"unhealthy".into()), "{answer:?}");
        assert_eq!(health.as_object().unwrap().len(), 4, "{answer:?}");
    })
    .await;
    let line = log.lines().find(|line| line.contains("\"class\":\"read-only\"")).expect(&log);
    assert!(line.contains("default_transaction_read_only"), "{line}");
}

#[tokio::test]
async fn a_url_that_asks_for_a_primary_is_told_of_a_standby() {
    let postgres = postgres();
    declare_all_read_only(&postgres, "on");
    let url = postgres.url() + "?target_session_attrs=read-write";
    let careless = production(&[("writes = true", "writes = false")]);
    let service = serve_with(&careless, &url, ROUTES).await;
    assert_eq!(health(&service).await, read_only());
}
