//! A database that takes no writes: what is refused, what the health check says, and how soon it is over.

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use http::{Method, StatusCode};
use server::{Context, Handler, Refusal, Reply, Route, Running};

use crate::rig::{Bouncer, Postgres};
use crate::support::{NAP, get, production, send, serve_with};

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
static ROUTES: &[&Route] = &[&NAP, &WRITE, &TRANSACTION, server::ROUTES[0]];

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
    let postgres = Postgres::start();
    postgres.ask("create table notes (note int)");
    postgres
}

/// Of every session that begins from now on, as platforms do it to a database that outgrows its disk.
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

/// As many idle connections as the pool keeps.
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
        let bouncer = Bouncer::before(postgres.port(), &["default_pool_size = 3"]);
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
