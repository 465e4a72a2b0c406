//! The proxy's counts, and that counted messages pass unchanged.

use std::time::Duration;

use futures_util::future::join_all;
use testkit::{Counts, Fault, FaultProxy, Gauge};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Config, NoTls};

use crate::support::{PATIENCE, Setup, closed, end};

#[tokio::test]
async fn sessions_and_queries_are_counted() {
    let setup = Setup::start().await;
    let clients = join_all((0..3).map(|_| setup.client())).await;
    for client in &clients {
        for _ in 0..4 {
            client.simple_query("select 1").await.unwrap();
        }
    }
    let three = Gauge { open: 3, most_open: 3, opened: 3 };
    let expected =
        Counts { connections: three, sessions: three, queries: 12, plain_startups: 3, ..Counts::default() };
    assert_eq!(setup.proxy.counts(), expected);

    drop(clients);
    setup.until(|counts| counts.connections.open == 0).await;
    assert_eq!(setup.proxy.counts().sessions, Gauge { open: 0, ..three });
}

#[tokio::test]
async fn a_mark_forgets_all_but_what_is_open() {
    let setup = Setup::start().await;
    let (one, other) = tokio::join!(setup.client(), setup.client());
    one.simple_query("select 1").await.unwrap();
    drop(other);
    setup.until(|counts| counts.connections.open == 1).await;
    setup.proxy.mark();
    let open = Gauge { open: 1, most_open: 1, opened: 0 };
    assert_eq!(setup.proxy.counts(), Counts { connections: open, sessions: open, ..Counts::default() });
}

#[tokio::test]
async fn a_prepared_statement_is_named_and_a_typed_query_is_not() {
    let setup = Setup::start().await;
    let client = setup.client().await;
    client.query_typed("select $1::int4", &[(&7_i32, Type::INT4)]).await.unwrap();
    let counts = setup.proxy.counts();
    assert_eq!((counts.queries, counts.named_statements, counts.surviving_statements), (1, 0, 0));

    let statement = client.prepare("select $1::int4").await.unwrap();
    for _ in 0..2 {
        client.query(&statement, &[&7_i32]).await.unwrap();
    }
    let counts = setup.proxy.counts();
    assert_eq!((counts.queries, counts.named_statements, counts.surviving_statements), (3, 1, 1));
}

#[tokio::test]
async fn a_round_trip_that_runs_nothing_is_a_ping() {
    let setup = Setup::start().await;
    let client = setup.client().await;
    client.query_typed("select $1::int4", &[(&7_i32, Type::INT4)]).await.unwrap();
    assert_eq!((setup.proxy.counts().queries, setup.proxy.counts().pings), (1, 0));
    for _ in 0..2 {
        client.check_connection().await.unwrap();
    }
    assert_eq!((setup.proxy.counts().queries, setup.proxy.counts().pings), (1, 2));
}

#[tokio::test]
async fn a_large_answer_and_a_large_copy_pass_unharmed() {
    let setup = Setup::start().await;
    let mut client = setup.client().await;
    let row = client.query_one("select repeat('x', 5000000)", &[]).await.unwrap();
    assert_eq!(row.get::<_, String>(0).len(), 5_000_000);

    let transaction = client.transaction().await.unwrap();
    transaction.batch_execute("create temporary table copied (line text) on commit drop").await.unwrap();
    let sink = transaction.copy_in("copy copied from stdin").await.unwrap();
    let mut sink = Box::pin(sink);
    let line = bytes::Bytes::from(format!("{}\n", "y".repeat(1_000_000)));
    futures_util::SinkExt::send(&mut sink, line).await.unwrap();
    assert_eq!(sink.as_mut().finish().await.unwrap(), 1);
    transaction.commit().await.unwrap();
    // No answer is pending after the copy: the faked answer belongs to its own query.
    setup.set(Fault::QueryError).await;
    assert!(timeout(PATIENCE, client.simple_query("select 1")).await.unwrap().is_err());
}

#[tokio::test]
async fn a_cancelled_query_is_a_connection_and_no_session() {
    let setup = Setup::start().await;
    let client = setup.client().await;
    let cancel = async {
        // PostgreSQL ignores a cancellation that arrives before its query.
        setup.until(|counts| counts.queries == 1).await;
        loop {
            client.cancel_token().cancel_query(NoTls).await.unwrap();
            sleep(Duration::from_millis(100)).await;
        }
    };
    let cancelled = tokio::select! {
        result = client.simple_query("select pg_sleep(60)") => result.unwrap_err(),
        () = cancel => unreachable!("cancelling goes on"),
    };
    assert_eq!(cancelled.code(), Some(&SqlState::QUERY_CANCELED));
    let counts = setup.proxy.counts();
    assert!(counts.cancels >= 1 && counts.connections.opened == 1 + counts.cancels, "{counts:?}");
    assert_eq!(counts.sessions, Gauge { open: 1, most_open: 1, opened: 1 });
}

#[tokio::test]
async fn what_does_not_speak_postgresql_is_counted_and_closed() {
    let setup = Setup::start().await;
    let mut http = setup.tcp().await.unwrap();
    http.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(end(&mut http).await, Ok(()));

    let mut huge = setup.tcp().await.unwrap();
    huge.write_all(&[0, 0, 0, 8, 0, 3, 0, 0, b'Q', 0x7f, 0xff, 0xff, 0xff, 0]).await.unwrap();
    timeout(PATIENCE, huge.read_to_end(&mut Vec::new())).await.unwrap().unwrap();
    setup.until(|counts| counts.foreign == 2 && counts.connections.open == 0).await;

    let mut half = setup.tcp().await.unwrap();
    half.write_all(&[0, 0, 0]).await.unwrap();
    drop(half);
    setup.until(|counts| counts.connections.opened == 3 && counts.connections.open == 0).await;
    assert_eq!(setup.proxy.counts().foreign, 2);
}

#[tokio::test]
async fn a_database_that_is_down_is_told_from_one_that_was_broken_on_purpose() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let proxy = FaultProxy::to(port).await.unwrap();
    let mut config = Config::new();
    config.host("127.0.0.1").port(proxy.port()).user("app");
    assert!(config.connect(NoTls).await.is_err());
    assert_eq!(proxy.counts().unreached, 1);
}

#[tokio::test]
async fn a_dropped_proxy_leaves_nothing_open() {
    let setup = Setup::start().await;
    let client = setup.client().await;
    let mut raw = setup.raw().await;
    let port = setup.proxy.port();
    drop(setup.proxy);
    closed(&client).await;
    assert_eq!(end(&mut raw).await, Ok(()));
    TcpListener::bind(("127.0.0.1", port)).await.unwrap();
}
