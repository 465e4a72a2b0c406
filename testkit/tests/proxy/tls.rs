//! TLS: offered, refused, forwarded and verified.

use std::sync::Arc;

use testkit::{Authority, Certificate, Counts, Fault, Gauge, THIS_MACHINE};
use tokio_postgres::config::SslMode;

use crate::support::{Setup, careless, closed, trusting};

#[tokio::test]
async fn a_client_that_verifies_nothing_is_told_from_one_that_does() {
    let setup = Setup::start().await;
    let authority = Authority::new().unwrap();
    let careful = trusting(&authority);
    for (certificate, accepted) in [
        (Certificate::self_signed(THIS_MACHINE).unwrap(), false),
        (authority.sign(&["database.example"]).unwrap(), false),
        (authority.sign(THIS_MACHINE).unwrap(), true),
    ] {
        setup.set(Fault::Tls(certificate)).await;
        setup.proxy.mark();
        setup
            .connect_with(SslMode::Require, careless())
            .await
            .unwrap()
            .simple_query("select 1")
            .await
            .unwrap();
        let counts = setup.proxy.counts();
        assert_eq!((counts.tls_requests, counts.trusting_startups, counts.queries), (1, 1, 1));

        let connected = setup.connect_with(SslMode::Require, careful.clone()).await;
        assert_eq!(connected.is_ok(), accepted, "{:?}", connected.err());
        let counts = setup.proxy.counts();
        assert_eq!((counts.tls_requests, counts.trusting_startups), (2, 1 + u64::from(accepted)));
        assert_eq!(counts.plain_startups, 0);
    }
}

#[tokio::test]
async fn a_client_that_goes_on_without_tls_is_told_from_one_that_does_not() {
    let setup = Setup::start().await;
    setup.set(Fault::Plain).await;
    assert!(setup.connect_with(SslMode::Require, careless()).await.is_err());
    assert_eq!(setup.proxy.counts().plain_startups, 0);
    let client = setup.connect_with(SslMode::Prefer, careless()).await.unwrap();
    client.simple_query("select 1").await.unwrap();
    let counts = setup.proxy.counts();
    assert_eq!((counts.tls_requests, counts.plain_startups, counts.trusting_startups), (2, 1, 0));
}

#[tokio::test]
async fn a_database_without_tls_says_so_itself() {
    let setup = Setup::start().await;
    assert!(setup.connect_with(SslMode::Require, careless()).await.is_err());
    setup.connect_with(SslMode::Prefer, careless()).await.unwrap().simple_query("select 1").await.unwrap();
    let counts = setup.proxy.counts();
    assert_eq!((counts.tls_requests, counts.plain_startups, counts.queries), (2, 1, 1));
}

#[tokio::test]
async fn behind_tls_of_the_database_only_connections_are_counted() {
    let inner = Setup::start().await;
    let authority = Authority::new().unwrap();
    inner.set(Fault::Tls(authority.sign(THIS_MACHINE).unwrap())).await;
    let outer = inner.before(None).await;
    let client = outer.connect_with(SslMode::Require, trusting(&authority)).await.unwrap();
    client.simple_query("select 1").await.unwrap();
    assert_eq!(inner.proxy.counts().trusting_startups, 1);
    let one = Gauge { open: 1, most_open: 1, opened: 1 };
    let expected = Counts { connections: one, sessions: one, tls_requests: 1, ..Counts::default() };
    assert_eq!(outer.proxy.counts(), expected);
    outer.proxy.cut();
    closed(&client).await;
}

#[tokio::test]
async fn a_database_that_wants_tls_is_reached_with_it_and_understood() {
    let inner = Setup::start().await;
    let authority = Authority::new().unwrap();
    inner.set(Fault::Tls(authority.sign(THIS_MACHINE).unwrap())).await;
    let outer = inner.before(Some(Arc::new(trusting(&authority)))).await;
    let client = outer.connect_with(SslMode::Prefer, careless()).await.unwrap();
    client.simple_query("select 1").await.unwrap();
    assert_eq!(inner.proxy.counts().trusting_startups, 1);
    assert_eq!((outer.proxy.counts().queries, outer.proxy.counts().plain_startups), (1, 1));

    inner.set(Fault::Tls(Certificate::self_signed(THIS_MACHINE).unwrap())).await;
    assert!(outer.connect().await.is_err(), "the proxy verifies what it reaches");
    assert_eq!((outer.proxy.counts().unreached, inner.proxy.counts().trusting_startups), (1, 1));
}
