//! The backend as users reach it: TLS and HTTP/2 before it, a redirect on the port for plain HTTP.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use profiles::Declaration;
use rustls::ServerConfig;
use testkit::Authority;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use verify::judge::plan::Plan;
use verify::model::check::{Needs, Subject};
use verify::model::evidence::Evidence;
use verify::prober::{ProbeOptions, Prober};

use super::{DECLARATION, Distort, RELEASE, answer, foreign};

/// A defect of the connection itself, below HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Quirk {
    #[default]
    None,
    /// Parses the bytes behind a head as the next request.
    Smuggles,
    ReadsAnyHead,
    WaitsForSlowHeads,
    CertificateEndsSoon,
    CertificateOfAnotherHost,
    NoHttp2,
    /// Answers 200 to every request over HTTP/2.
    TakesAnyFrames,
    SpeaksTls10,
}

pub(crate) struct Edge {
    pub(crate) address: SocketAddr,
    plain_port: u16,
}

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authority::new().expect("ring makes keys"));

/// The authority that signs every backend's certificate, as `--ca` takes it.
pub(crate) fn authority() -> PathBuf {
    AUTHORITY.file()
}

impl Edge {
    /// Lives as long as the runtime.
    pub(crate) async fn start(distort: Distort, quirk: Quirk) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let plain = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("a bound listener has an address");
        let plain_port = plain.local_addr().expect("a bound listener has an address").port();
        let acceptor = TlsAcceptor::from(Arc::new(tls(quirk)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move { secured(stream, acceptor, distort, quirk).await });
            }
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = plain.accept().await {
                tokio::spawn(http1(stream, distort, quirk, Some(address)));
            }
        });
        Self { address, plain_port }
    }

    pub(crate) fn subject<'a>(&self, declaration: &'a Declaration) -> Subject<'a> {
        Subject {
            declaration,
            target: format!("https://{}", self.address).parse().expect("a socket address makes an origin"),
            foreign: foreign(),
            expected_release: Some(RELEASE.to_owned()),
            allows: Needs::Intrusive,
        }
    }

    /// Sends the whole plan.
    pub(crate) async fn probe(&self, plan: &Plan<'_>) -> Evidence {
        let access = ProbeOptions {
            headers: Vec::new(),
            ca: Some(authority()),
            plain_port: Some(self.plain_port),
            timeout: None,
        };
        let prober = Prober::new(plan.subject.profile(), &plan.subject.target, &access);
        prober.expect("a plain client can be set up").run(plan, |_| ()).await
    }
}

fn tls(quirk: Quirk) -> ServerConfig {
    let host = if quirk == Quirk::CertificateOfAnotherHost { "other.example.com" } else { "127.0.0.1" };
    let days = if quirk == Quirk::CertificateEndsSoon { 5 } else { 90 };
    let end = SystemTime::now() + Duration::from_hours(24 * days);
    let certificate = AUTHORITY.sign_until(&[host], end).expect("a certificate can be signed");
    let mut config = ServerConfig::clone(&certificate.tls());
    config.alpn_protocols = match quirk {
        Quirk::NoHttp2 => vec![b"http/1.1".to_vec()],
        _ => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
    };
    config
}

async fn secured(mut stream: TcpStream, acceptor: TlsAcceptor, distort: Distort, quirk: Quirk) {
    // As platforms' edges do; otherwise small frames wait for acknowledgements, which come up to 40 ms late.
    let _ = stream.set_nodelay(true);
    if quirk == Quirk::SpeaksTls10 && offers_nothing_newer(&stream).await {
        return speak_tls10(&mut stream).await;
    }
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    if h2 && quirk == Quirk::TakesAnyFrames {
        take_frames(stream).await;
    } else if h2 {
        let service = service_fn(move |request| answer(request, distort, None));
        let builder = http2::Builder::new(TokioExecutor::new());
        let _ = builder.serve_connection(TokioIo::new(stream), service).await;
    } else if quirk == Quirk::Smuggles {
        smuggle(stream).await;
    } else {
        http1(stream, distort, quirk, None).await;
    }
}

pub(super) async fn http1(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    distort: Distort,
    quirk: Quirk,
    secure: Option<SocketAddr>,
) {
    let service = service_fn(move |request| answer(request, distort, secure));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new());
    builder.max_buf_size(if quirk == Quirk::ReadsAnyHead { 1 << 20 } else { 32 << 10 });
    builder.header_read_timeout(match quirk {
        Quirk::WaitsForSlowHeads => Duration::from_mins(1),
        _ => DECLARATION.profile.server.header_timeout.get(),
    });
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

/// Answers every head, and never looks where a body ends.
async fn smuggle(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        received.extend_from_slice(&buffer[..read]);
        while let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            received.drain(..end + 4);
            let reply = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
            if stream.write_all(reply).await.is_err() {
                return;
            }
        }
    }
}

/// A minimal HTTP/2 server: SETTINGS, and for each HEADERS frame `:status: 200` and the stream's end.
async fn take_frames(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let _ = stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await;
    let _ = stream.read_exact(&mut [0; 24]).await;
    let mut head = [0; 9];
    while stream.read_exact(&mut head).await.is_ok() {
        let length = usize::from(head[1]) << 8 | usize::from(head[2]);
        if stream.read_exact(&mut vec![0; length]).await.is_err() {
            return;
        }
        if head[3] == 1 {
            let _ = stream.write_all(&[0, 0, 1, 1, 5, head[5], head[6], head[7], head[8], 0x88]).await;
        }
        let _ = stream.flush().await;
    }
}

/// The version in a `ClientHello`: record header, message header, then two bytes.
async fn offers_nothing_newer(stream: &TcpStream) -> bool {
    let mut hello = [0; 11];
    matches!(stream.peek(&mut hello).await, Ok(11)) && hello[9] == 3 && hello[10] < 3
}

/// The beginning of a `ServerHello` of TLS 1.0: no TLS library here still speaks it.
async fn speak_tls10(stream: &mut TcpStream) {
    let mut hello = vec![22, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0, 47, 0]);
    let _ = stream.write_all(&hello).await;
    let _ = stream.read(&mut [0; 512]).await;
}
