//! A proxy before a real PostgreSQL, and clients of both kinds: a driver, and bytes on a socket.

use std::io::ErrorKind;
use std::sync::{Arc, Weak};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use testkit::{Authority, Counts, Fault, FaultProxy, Postgres, Upstream};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, Error, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Far more than any step takes; a test waits this long only if a step fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Long enough for an unwanted answer on loopback to arrive.
const SILENCE: Duration = Duration::from_millis(300);

/// A proxy before the one PostgreSQL of this binary.
pub(crate) struct Setup {
    database: Arc<Postgres>,
    pub(crate) proxy: FaultProxy,
}

impl Setup {
    pub(crate) async fn start() -> Self {
        /// Stopped with the last test that uses it.
        static SHARED: Mutex<Weak<Postgres>> = Mutex::const_new(Weak::new());
        let mut shared = SHARED.lock().await;
        let database = match shared.upgrade() {
            Some(database) => database,
            None => Arc::new(Postgres::start().unwrap()),
        };
        *shared = Arc::downgrade(&database);
        let proxy = FaultProxy::to(database.port()).await.unwrap();
        Self { database, proxy }
    }

    /// A proxy before this proxy.
    pub(crate) async fn before(&self, tls: Option<Arc<ClientConfig>>) -> Self {
        let upstream = Upstream { host: "localhost".to_owned(), port: self.proxy.port(), tls };
        Self { database: Arc::clone(&self.database), proxy: FaultProxy::start(upstream).await.unwrap() }
    }

    pub(crate) async fn set(&self, fault: Fault) {
        self.proxy.set(fault).await.unwrap();
    }

    fn config(&self) -> Config {
        self.proxy.url().parse().unwrap()
    }

    pub(crate) async fn client(&self) -> Client {
        timeout(PATIENCE, self.connect()).await.unwrap().unwrap()
    }

    pub(crate) async fn connect(&self) -> Result<Client, Error> {
        let (client, connection) = self.config().connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    pub(crate) async fn connect_with(&self, mode: SslMode, tls: ClientConfig) -> Result<Client, Error> {
        let mut config = self.config();
        config.ssl_mode(mode);
        let (client, connection) = config.connect(MakeRustlsConnect::new(tls)).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    pub(crate) async fn tcp(&self) -> std::io::Result<TcpStream> {
        TcpStream::connect(("127.0.0.1", self.proxy.port())).await
    }

    /// A connection that the proxy has accepted and that has sent nothing yet.
    pub(crate) async fn raw(&self) -> TcpStream {
        let before = self.proxy.counts().connections.opened;
        let stream = self.tcp().await.unwrap();
        self.until(|counts| counts.connections.opened > before).await;
        stream
    }

    pub(crate) async fn until(&self, holds: impl Fn(&Counts) -> bool) {
        let waited = async {
            while !holds(&self.proxy.counts()) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, waited).await.unwrap_or_else(|_| panic!("{:?}", self.proxy.counts()));
    }
}

/// Waits until a client notices that its connection is closed.
pub(crate) async fn closed(client: &Client) {
    let waited = async {
        while !client.is_closed() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waited).await.expect("the client sees that its connection is closed");
}

/// The end of a connection: closed or reset.
pub(crate) async fn end(stream: &mut TcpStream) -> Result<(), ErrorKind> {
    match timeout(PATIENCE, stream.read(&mut [0])).await.expect("the connection ends") {
        Ok(read) => {
            assert_eq!(read, 0, "something was answered");
            Ok(())
        }
        Err(error) => Err(error.kind()),
    }
}

pub(crate) async fn silent<T>(asked: impl Future<Output = T>) {
    assert!(timeout(SILENCE, asked).await.is_err(), "something was answered");
}

pub(crate) fn trusting(authority: &Authority) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots).with_no_client_auth()
}

/// The behaviour of most drivers with `sslmode=require`.
pub(crate) fn careless() -> ClientConfig {
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
