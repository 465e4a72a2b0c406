//! The faults of databases: the proxy's answers instead of PostgreSQL's.

use testkit::{AUTH_ERROR, Fault, QUERY_ERROR};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use crate::support::{PATIENCE, Setup};

#[tokio::test]
async fn a_refused_login_is_an_error_of_postgresql() {
    let setup = Setup::start().await;
    let live = setup.client().await;
    setup.set(Fault::AuthError).await;
    let error = setup.connect().await.err().unwrap();
    assert_eq!(error.code(), Some(&SqlState::INVALID_PASSWORD));
    assert_eq!(error.as_db_error().unwrap().message(), AUTH_ERROR);
    // A changed password does not end a session.
    live.simple_query("select 1").await.unwrap();
    setup.set(Fault::None).await;
    setup.client().await;
    let counts = setup.proxy.counts();
    assert_eq!((counts.refused_startups, counts.sessions.opened), (1, 2));
}

#[tokio::test]
async fn a_failing_query_is_an_error_of_postgresql_and_the_session_goes_on() {
    let setup = Setup::start().await;
    let live = setup.client().await;
    let statement = live.prepare("select $1::int4").await.unwrap();
    setup.set(Fault::QueryError).await;
    let new = setup.client().await;
    for client in [&live, &new] {
        for error in [
            client.simple_query("select 1").await.unwrap_err(),
            client.query_typed("select $1::int4", &[(&7_i32, Type::INT4)]).await.unwrap_err(),
            client.prepare("select $1::int8").await.unwrap_err(),
        ] {
            assert_eq!(error.code(), Some(&SqlState::DISK_FULL), "{error}");
            assert_eq!(error.as_db_error().unwrap().message(), QUERY_ERROR);
        }
    }
    assert_eq!(live.query(&statement, &[&7_i32]).await.unwrap_err().code(), Some(&SqlState::DISK_FULL));

    setup.set(Fault::None).await;
    for client in [&live, &new] {
        let rows = client.query_typed("select $1::int4", &[(&7_i32, Type::INT4)]).await.unwrap();
        assert_eq!(rows[0].get::<_, i32>(0), 7);
    }
    assert_eq!(live.query_one(&statement, &[&8_i32]).await.unwrap().get::<_, i32>(0), 8);
    assert_eq!(setup.proxy.counts().sessions.opened, 2);
}

#[tokio::test]
async fn queries_in_flight_are_answered_before_those_that_fail() {
    let setup = Setup::start().await;
    let client = setup.client().await;
    let asked = async |number: i32| {
        let rows = client.query_typed("select $1::int4, pg_sleep(0.1)", &[(&number, Type::INT4)]).await;
        rows.map(|rows| rows[0].get::<_, i32>(0)).map_err(|error| error.code().cloned())
    };
    let change = async {
        setup.until(|counts| counts.queries == 2).await;
        setup.set(Fault::QueryError).await;
        let failed = asked(3).await;
        setup.set(Fault::None).await;
        (failed, asked(4).await)
    };
    let (one, two, (three, four)) =
        timeout(PATIENCE, async { tokio::join!(asked(1), asked(2), change) }).await.unwrap();
    assert_eq!((one, two), (Ok(1), Ok(2)));
    assert_eq!((three, four), (Err(Some(SqlState::DISK_FULL)), Ok(4)));
}

#[tokio::test]
async fn a_transaction_in_which_a_query_failed_can_be_ended() {
    let setup = Setup::start().await;
    let mut client = setup.client().await;
    let transaction = client.transaction().await.unwrap();
    setup.set(Fault::QueryError).await;
    let error = transaction.simple_query("select 1").await.unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::DISK_FULL));
    setup.set(Fault::None).await;
    transaction.rollback().await.unwrap();
    client.simple_query("select 1").await.unwrap();
}
