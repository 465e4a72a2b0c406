//! The fault proxy before a real PostgreSQL: what it counts, and that every fault is what it says.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test sets itself up, and says where it cannot"
)]

mod support;

use std::io::ErrorKind;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::future::join_all;
use pgtemp::PgTempDB;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, Error, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;
use verify::rig::proxy::{
    AUTH_ERROR, Authority, Certificate, Counts, Fault, Gauge, Proxy, QUERY_ERROR, Upstream,
};

/// Far more than anything here takes; only what never happens is waited for so long.
const PATIENCE: Duration = Duration::from_secs(20);
/// Long enough for an answer on loopback that should not come.
const SILENCE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn sessions_and_queries_are_counted() {
    let rig = Rig::start().await;
    let clients = join_all((0..3).map(|_| rig.client())).await;
    for client in &clients {
        for _ in 0..4 {
            client.simple_query("select 1").await.unwrap();
        }
    }
    let three = Gauge { open: 3, most_open: 3, opened: 3 };
    let expected =
        Counts { connections: three, sessions: three, queries: 12, plain_startups: 3, ..Counts::default() };
    assert_eq!(rig.proxy.counts(), expected);

    drop(clients);
    rig.until(|counts| counts.connections.open == 0).await;
    assert_eq!(rig.proxy.counts().sessions, Gauge { open: 0, ..three });
}

#[tokio::test]
async fn a_mark_forgets_all_but_what_is_open() {
    let rig = Rig::start().await;
    let (one, other) = tokio::join!(rig.client(), rig.client());
    one.simple_query("select 1").await.unwrap();
    drop(other);
    rig.until(|counts| counts.connections.open == 1).await;
    rig.proxy.mark();
    let open = Gauge { open: 1, most_open: 1, opened: 0 };
    assert_eq!(rig.proxy.counts(), Counts { connections: open, sessions: open, ..Counts::default() });
}

#[tokio::test]
async fn a_prepared_statement_is_named_and_a_typed_query_is_not() {
    let rig = Rig::start().await;
    let client = rig.client().await;
    client.query_typed("select $1::int4", &[(&7_i32, Type::INT4)]).await.unwrap();
    let counts = rig.proxy.counts();
    assert_eq!((counts.queries, counts.named_statements, counts.surviving_statements), (1, 0, 0));

    let statement = client.prepare("select $1::int4").await.unwrap();
    for _ in 0..2 {
        client.query(&statement, &[&7_i32]).await.unwrap();
    }
    let counts = rig.proxy.counts();
    assert_eq!((counts.queries, counts.named_statements, counts.surviving_statements), (3, 1, 1));
}

#[tokio::test]
async fn a_large_answer_and_a_large_copy_pass_unharmed() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
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
    // Nothing is owed after the copy: a lie finds its place.
    rig.set(Fault::QueryError).await;
    assert!(timeout(PATIENCE, client.simple_query("select 1")).await.unwrap().is_err());
}

#[tokio::test]
async fn a_cancelled_query_is_a_connection_and_no_session() {
    let rig = Rig::start().await;
    let client = rig.client().await;
    let cancel = async {
        // PostgreSQL forgets a cancellation that comes before its query.
        rig.until(|counts| counts.queries == 1).await;
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
    let counts = rig.proxy.counts();
    assert!(counts.cancels >= 1 && counts.connections.opened == 1 + counts.cancels, "{counts:?}");
    assert_eq!(counts.sessions, Gauge { open: 1, most_open: 1, opened: 1 });
}

#[tokio::test]
async fn refused_means_that_nobody_listens_until_the_repair() {
    let rig = Rig::start().await;
    let client = rig.client().await;
    for _ in 0..3 {
        rig.set(Fault::Refuse).await;
        assert_eq!(rig.tcp().await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        closed(&client).await;
        rig.set(Fault::None).await;
        rig.client().await.simple_query("select 1").await.unwrap();
    }
    rig.until(|counts| counts.connections.open == 0).await;
}

/// Linux gives a port that is reserved and not listened on to whoever names it with `SO_REUSEADDR`.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_port_that_was_lost_is_said_so_and_tried_again() {
    let rig = Rig::start().await;
    rig.set(Fault::Refuse).await;
    let other = TcpListener::bind(("127.0.0.1", rig.proxy.port())).await.unwrap();
    for _ in 0..2 {
        let error = rig.proxy.set(Fault::None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    }
    drop(other);
    rig.set(Fault::None).await;
    rig.client().await.simple_query("select 1").await.unwrap();
}

#[tokio::test]
async fn a_black_hole_answers_nobody_and_lets_nobody_go_on() {
    let rig = Rig::start().await;
    let client = rig.client().await;
    let mut idle = rig.raw().await;
    rig.set(Fault::BlackHole).await;
    silent(client.simple_query("select 1")).await;
    silent(rig.connect()).await;
    let mut late = rig.tcp().await.unwrap();
    late.write_all(&SSL_REQUEST).await.unwrap();
    silent(late.read_u8()).await;

    rig.set(Fault::None).await;
    closed(&client).await;
    for lost in [&mut idle, &mut late] {
        assert_eq!(end(lost).await, Err(ErrorKind::ConnectionReset));
    }
    rig.until(|counts| counts.connections.open == 0).await;
    rig.client().await.simple_query("select 1").await.unwrap();
}

#[tokio::test]
async fn a_client_that_leaves_a_black_hole_is_not_open_any_more() {
    let rig = Rig::start().await;
    rig.set(Fault::BlackHole).await;
    silent(rig.connect()).await;
    rig.until(|counts| counts.connections.opened == 1 && counts.connections.open == 0).await;
}

#[tokio::test]
async fn a_latency_is_on_every_way_of_live_and_new_connections() {
    const LATENCY: Duration = Duration::from_millis(100);
    let rig = Rig::start().await;
    let live = rig.client().await;
    rig.set(Fault::Latency(LATENCY)).await;
    let asked = Instant::now();
    live.simple_query("select 1").await.unwrap();
    assert!(asked.elapsed() >= LATENCY * 2, "{:?}", asked.elapsed());

    let asked = Instant::now();
    let new = rig.client().await;
    assert!(asked.elapsed() >= LATENCY * 2, "{:?}", asked.elapsed());
    // A large answer is late once: were each of its hundreds of parts, this would take longer than we wait.
    timeout(PATIENCE, new.simple_query("select repeat('x', 5000000)")).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_cut_closes_what_is_open_in_order_and_nothing_else() {
    let rig = Rig::start().await;
    let client = rig.client().await;
    let mut raw = rig.raw().await;
    rig.proxy.cut();
    assert_eq!(end(&mut raw).await, Ok(()));
    closed(&client).await;
    let client = rig.client().await;
    client.simple_query("select 1").await.unwrap();
    assert_eq!(rig.proxy.counts().sessions, Gauge { open: 1, most_open: 1, opened: 2 });
}

#[tokio::test]
async fn a_reset_is_seen_as_one() {
    let rig = Rig::start().await;
    let client = rig.client().await;
    let mut raw = rig.raw().await;
    rig.proxy.reset();
    assert_eq!(end(&mut raw).await, Err(ErrorKind::ConnectionReset));
    closed(&client).await;
    rig.client().await.simple_query("select 1").await.unwrap();
}

#[tokio::test]
async fn a_half_closed_connection_ends_one_way_and_is_still_read() {
    let rig = Rig::start().await;
    let mut raw = rig.raw().await;
    rig.set(Fault::HalfClose).await;
    assert_eq!(end(&mut raw).await, Ok(()));
    // A connection that were closed would be reset by the first of these, and seen so by the second.
    for _ in 0..3 {
        raw.write_all(&[0; 1000]).await.unwrap();
        sleep(Duration::from_millis(20)).await;
    }
    rig.client().await.simple_query("select 1").await.unwrap();
    rig.set(Fault::None).await;
    rig.until(|counts| counts.connections.open == 0).await;
}

#[tokio::test]
async fn frozen_connections_are_never_answered_again_and_new_ones_are() {
    let rig = Rig::start().await;
    let old = rig.client().await;
    let mut raw = rig.raw().await;
    rig.set(Fault::Freeze).await;
    silent(old.simple_query("select 1")).await;
    let new = rig.client().await;
    new.simple_query("select 1").await.unwrap();
    silent(raw.read_u8()).await;
    rig.set(Fault::None).await;
    closed(&old).await;
    assert_eq!(end(&mut raw).await, Err(ErrorKind::ConnectionReset));
    new.simple_query("select 1").await.unwrap();
}

#[tokio::test]
async fn a_refused_login_is_an_error_of_postgresql() {
    let rig = Rig::start().await;
    let live = rig.client().await;
    rig.set(Fault::AuthError).await;
    let error = rig.connect().await.err().unwrap();
    assert_eq!(error.code(), Some(&SqlState::INVALID_PASSWORD));
    assert_eq!(error.as_db_error().unwrap().message(), AUTH_ERROR);
    // A password that has changed ends no session.
    live.simple_query("select 1").await.unwrap();
    rig.set(Fault::None).await;
    rig.client().await;
    let counts = rig.proxy.counts();
    assert_eq!((counts.refused_startups, counts.sessions.opened), (1, 2));
}

#[tokio::test]
async fn a_failing_query_is_an_error_of_postgresql_and_the_session_goes_on() {
    let rig = Rig::start().await;
    let live = rig.client().await;
    let statement = live.prepare("select $1::int4").await.unwrap();
    rig.set(Fault::QueryError).await;
    let new = rig.client().await;
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

    rig.set(Fault::None).await;
    for client in [&live, &new] {
        let rows = client.query_typed("select $1::int4", &[(&7_i32, Type::INT4)]).await.unwrap();
        assert_eq!(rows[0].get::<_, i32>(0), 7);
    }
    assert_eq!(live.query_one(&statement, &[&8_i32]).await.unwrap().get::<_, i32>(0), 8);
    assert_eq!(rig.proxy.counts().sessions.opened, 2);
}

#[tokio::test]
async fn queries_in_flight_are_answered_before_those_that_fail() {
    let rig = Rig::start().await;
    let client = rig.client().await;
    let asked = async |number: i32| {
        let rows = client.query_typed("select $1::int4, pg_sleep(0.1)", &[(&number, Type::INT4)]).await;
        rows.map(|rows| rows[0].get::<_, i32>(0)).map_err(|error| error.code().cloned())
    };
    let change = async {
        rig.until(|counts| counts.queries == 2).await;
        rig.set(Fault::QueryError).await;
        let failed = asked(3).await;
        rig.set(Fault::None).await;
        (failed, asked(4).await)
    };
    let (one, two, (three, four)) =
        timeout(PATIENCE, async { tokio::join!(asked(1), asked(2), change) }).await.unwrap();
    assert_eq!((one, two), (Ok(1), Ok(2)));
    assert_eq!((three, four), (Err(Some(SqlState::DISK_FULL)), Ok(4)));
}

#[tokio::test]
async fn a_transaction_in_which_a_query_failed_can_be_ended() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let transaction = client.transaction().await.unwrap();
    rig.set(Fault::QueryError).await;
    let error = transaction.simple_query("select 1").await.unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::DISK_FULL));
    rig.set(Fault::None).await;
    transaction.rollback().await.unwrap();
    client.simple_query("select 1").await.unwrap();
}

#[tokio::test]
async fn a_client_that_verifies_nothing_is_told_from_one_that_does() {
    let rig = Rig::start().await;
    let authority = Authority::new().unwrap();
    let careful = trusting(&authority);
    for (certificate, accepted) in [
        (Certificate::self_signed().unwrap(), false),
        (Certificate::wrong_host(&authority).unwrap(), false),
        (Certificate::right_host(&authority).unwrap(), true),
    ] {
        rig.set(Fault::Tls(certificate)).await;
        rig.proxy.mark();
        rig.connect_with(SslMode::Require, careless()).await.unwrap().simple_query("select 1").await.unwrap();
        let counts = rig.proxy.counts();
        assert_eq!((counts.tls_requests, counts.trusting_startups, counts.queries), (1, 1, 1));

        let connected = rig.connect_with(SslMode::Require, careful.clone()).await;
        assert_eq!(connected.is_ok(), accepted, "{:?}", connected.err());
        let counts = rig.proxy.counts();
        assert_eq!((counts.tls_requests, counts.trusting_startups), (2, 1 + u64::from(accepted)));
        assert_eq!(counts.plain_startups, 0);
    }
}

#[tokio::test]
async fn a_client_that_goes_on_without_tls_is_told_from_one_that_does_not() {
    let rig = Rig::start().await;
    rig.set(Fault::Plain).await;
    assert!(rig.connect_with(SslMode::Require, careless()).await.is_err());
    assert_eq!(rig.proxy.counts().plain_startups, 0);
    let client = rig.connect_with(SslMode::Prefer, careless()).await.unwrap();
    client.simple_query("select 1").await.unwrap();
    let counts = rig.proxy.counts();
    assert_eq!((counts.tls_requests, counts.plain_startups, counts.trusting_startups), (2, 1, 0));
}

#[tokio::test]
async fn a_database_without_tls_says_so_itself() {
    let rig = Rig::start().await;
    assert!(rig.connect_with(SslMode::Require, careless()).await.is_err());
    rig.connect_with(SslMode::Prefer, careless()).await.unwrap().simple_query("select 1").await.unwrap();
    let counts = rig.proxy.counts();
    assert_eq!((counts.tls_requests, counts.plain_startups, counts.queries), (2, 1, 1));
}

#[tokio::test]
async fn behind_tls_of_the_database_only_connections_are_counted() {
    let inner = Rig::start().await;
    let authority = Authority::new().unwrap();
    inner.set(Fault::Tls(Certificate::right_host(&authority).unwrap())).await;
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
    let inner = Rig::start().await;
    let authority = Authority::new().unwrap();
    inner.set(Fault::Tls(Certificate::right_host(&authority).unwrap())).await;
    let outer = inner.before(Some(Arc::new(trusting(&authority)))).await;
    let client = outer.connect_with(SslMode::Prefer, careless()).await.unwrap();
    client.simple_query("select 1").await.unwrap();
    assert_eq!(inner.proxy.counts().trusting_startups, 1);
    assert_eq!((outer.proxy.counts().queries, outer.proxy.counts().plain_startups), (1, 1));

    inner.set(Fault::Tls(Certificate::self_signed().unwrap())).await;
    assert!(outer.connect().await.is_err(), "the proxy verifies what it reaches");
    assert_eq!((outer.proxy.counts().unreached, inner.proxy.counts().trusting_startups), (1, 1));
}

#[tokio::test]
async fn what_does_not_speak_postgresql_is_counted_and_closed() {
    let rig = Rig::start().await;
    let mut http = rig.tcp().await.unwrap();
    http.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(end(&mut http).await, Ok(()));

    let mut huge = rig.tcp().await.unwrap();
    huge.write_all(&[0, 0, 0, 8, 0, 3, 0, 0, b'Q', 0x7f, 0xff, 0xff, 0xff, 0]).await.unwrap();
    timeout(PATIENCE, huge.read_to_end(&mut Vec::new())).await.unwrap().unwrap();
    rig.until(|counts| counts.foreign == 2 && counts.connections.open == 0).await;

    let mut half = rig.tcp().await.unwrap();
    half.write_all(&[0, 0, 0]).await.unwrap();
    drop(half);
    rig.until(|counts| counts.connections.opened == 3 && counts.connections.open == 0).await;
    assert_eq!(rig.proxy.counts().foreign, 2);
}

#[tokio::test]
async fn a_database_that_is_down_is_told_from_one_that_was_broken_on_purpose() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let upstream = Upstream { host: "127.0.0.1".to_owned(), port, tls: None };
    let proxy = Proxy::start(upstream).await.unwrap();
    let mut config = Config::new();
    config.host("127.0.0.1").port(proxy.port()).user("app");
    assert!(config.connect(NoTls).await.is_err());
    assert_eq!(proxy.counts().unreached, 1);
}

#[tokio::test]
async fn a_dropped_proxy_leaves_nothing_open() {
    let rig = Rig::start().await;
    let client = rig.client().await;
    let mut raw = rig.raw().await;
    let port = rig.proxy.port();
    drop(rig.proxy);
    closed(&client).await;
    assert_eq!(end(&mut raw).await, Ok(()));
    TcpListener::bind(("127.0.0.1", port)).await.unwrap();
}

const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// A proxy before the one PostgreSQL of this binary.
struct Rig {
    database: Arc<PgTempDB>,
    proxy: Proxy,
}

impl Rig {
    async fn start() -> Self {
        /// Ends with the last test that uses it.
        static SHARED: Mutex<Weak<PgTempDB>> = Mutex::const_new(Weak::new());
        let mut shared = SHARED.lock().await;
        let database = match shared.upgrade() {
            Some(database) => database,
            None => Arc::new(support::postgres::database().await),
        };
        *shared = Arc::downgrade(&database);
        let upstream = Upstream { host: "127.0.0.1".to_owned(), port: database.db_port(), tls: None };
        Self { database, proxy: Proxy::start(upstream).await.unwrap() }
    }

    /// A proxy before this proxy.
    async fn before(&self, tls: Option<Arc<ClientConfig>>) -> Self {
        let upstream = Upstream { host: "localhost".to_owned(), port: self.proxy.port(), tls };
        Self { database: Arc::clone(&self.database), proxy: Proxy::start(upstream).await.unwrap() }
    }

    async fn set(&self, fault: Fault) {
        self.proxy.set(fault).await.unwrap();
    }

    fn config(&self) -> Config {
        let mut config = Config::new();
        config.user(self.database.db_user()).password(self.database.db_pass());
        config.host("127.0.0.1").port(self.proxy.port()).dbname(self.database.db_name());
        config
    }

    async fn client(&self) -> Client {
        timeout(PATIENCE, self.connect()).await.unwrap().unwrap()
    }

    async fn connect(&self) -> Result<Client, Error> {
        let (client, connection) = self.config().connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    async fn connect_with(&self, mode: SslMode, tls: ClientConfig) -> Result<Client, Error> {
        let mut config = self.config();
        config.ssl_mode(mode);
        let (client, connection) = config.connect(MakeRustlsConnect::new(tls)).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    async fn tcp(&self) -> std::io::Result<TcpStream> {
        TcpStream::connect(("127.0.0.1", self.proxy.port())).await
    }

    /// A connection that the proxy has accepted, and that has said nothing yet.
    async fn raw(&self) -> TcpStream {
        let before = self.proxy.counts().connections.opened;
        let stream = self.tcp().await.unwrap();
        self.until(|counts| counts.connections.opened > before).await;
        stream
    }

    async fn until(&self, holds: impl Fn(&Counts) -> bool) {
        let waited = async {
            while !holds(&self.proxy.counts()) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, waited).await.unwrap_or_else(|_| panic!("{:?}", self.proxy.counts()));
    }
}

/// Waits until a client has seen that its connection is closed.
async fn closed(client: &Client) {
    let waited = async {
        while !client.is_closed() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waited).await.expect("the client sees that its connection is closed");
}

/// How a connection ends from which nothing more can be read.
async fn end(stream: &mut TcpStream) -> Result<(), ErrorKind> {
    match timeout(PATIENCE, stream.read(&mut [0])).await.expect("the connection ends") {
        Ok(read) => {
            assert_eq!(read, 0, "something was answered");
            Ok(())
        }
        Err(error) => Err(error.kind()),
    }
}

async fn silent<T>(asked: impl Future<Output = T>) {
    assert!(timeout(SILENCE, asked).await.is_err(), "something was answered");
}

fn trusting(authority: &Authority) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots).with_no_client_auth()
}

/// What `sslmode=require` means to most drivers.
fn careless() -> ClientConfig {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().unwrap().dangerous();
    builder.with_custom_certificate_verifier(Arc::new(Careless(provider))).with_no_client_auth()
}

#[derive(Debug)]
struct Careless(Arc<CryptoProvider>);

impl ServerCertVerifier for Careless {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
