//! Raw connections: a check's bytes, and the reply.
#![allow(clippy::disallowed_methods, reason = "probing is I/O and takes time")]

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use profiles::{Origin, Scheme};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

use super::failure::{Peer, Unresolved};
use super::http::{USER_AGENT, lookup};
use super::responses;
use crate::model::exchange::{Ends, Piece, Raw, RawReply, Request};
use crate::model::missing::{Missing, Phase};

/// A byte stream to the target, with TLS if the target has it.
pub(super) type Stream = Box<dyn Duplex>;

pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

pub(super) struct Wire {
    target: Origin,
    tls: Arc<ClientConfig>,
    timeout: Duration,
    /// The caller's headers for every request, and as header lines, each ended by CRLF.
    private: Vec<(String, String)>,
    private_lines: String,
    confidential: Vec<String>,
}

/// A connection that is held open.
pub struct HeldConnection(Stream);

impl HeldConnection {
    /// Whether the other side has closed it, after any bytes.
    pub async fn is_closed(mut self) -> bool {
        let mut received = Vec::new();
        let read = listen(&mut self.0, &mut received, Ends::WhenClosed);
        timeout(Duration::from_millis(50), read).await.unwrap_or(false)
    }
}

/// More than any answer to a raw probe needs.
const LONGEST: usize = 256 * 1024;

impl Wire {
    pub(super) fn new(
        target: &Origin,
        timeout: Duration,
        tls: ClientConfig,
        private: &[(HeaderName, HeaderValue)],
        confidential: &[String],
    ) -> Self {
        let text = |(name, value): &(HeaderName, HeaderValue)| {
            (name.to_string(), value.to_str().unwrap_or_default().to_owned())
        };
        let private: Vec<(String, String)> = private.iter().map(text).collect();
        let lines: Vec<String> = private.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        Self {
            target: target.clone(),
            tls: Arc::new(tls),
            timeout,
            private,
            private_lines: lines.concat(),
            confidential: confidential.to_vec(),
        }
    }

    /// Writes the pieces, and reads until the other side closes or the wait ends.
    pub(super) async fn hear(&self, raw: &Raw) -> Result<RawReply, Missing> {
        let stream = self.connect().await?;
        let (mut reader, mut writer) = tokio::io::split(stream);
        let (mut received, mut taken) = (Vec::new(), 0);
        let closed = {
            let write = async {
                // A failed write proves nothing: the answer may still arrive.
                let _ = self.write(&mut writer, &raw.pieces, &mut taken).await;
                sleep(Duration::from_millis(raw.patience_ms)).await;
            };
            tokio::select! {
                closed = listen(&mut reader, &mut received, raw.ends) => closed,
                () = write => false,
                // A peer that neither reads nor closes must not stall the run.
                () = sleep(self.timeout + raw.longest()) => false,
            }
        };
        let responses = responses::read(&received, &self.confidential);
        Ok(RawReply { responses, closed, taken })
    }

    async fn write(
        &self,
        writer: &mut (impl AsyncWrite + Unpin),
        pieces: &[Piece],
        taken: &mut u64,
    ) -> std::io::Result<()> {
        for piece in pieces {
            let (text, times, pause_ms) = match piece {
                Piece::Text(text) => (text, 1, 0),
                Piece::Repeat(text, times) => (text, *times, 0),
                Piece::Trickle { text, times, pause_ms } => (text, *times, *pause_ms),
            };
            let bytes = self.bytes(text);
            for _ in 0..times {
                if pause_ms > 0 {
                    sleep(Duration::from_millis(pause_ms)).await;
                }
                writer.write_all(&bytes).await?;
                // TLS must not collect pieces that are sent slowly.
                writer.flush().await?;
                *taken += bytes.len() as u64;
            }
        }
        Ok(())
    }

    /// One character is one byte. A text with the usual Host line also gets the caller's headers.
    fn bytes(&self, text: &str) -> Vec<u8> {
        let host = format!("host: {}\r\n", self.target.authority());
        let text = text.replace("host: {host}\r\n", &format!("{host}{}", self.private_lines));
        let text = text.replace("{host}", self.target.authority());
        text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
    }

    /// Writes the text on a connection that stays open.
    pub(super) async fn hold(&self, text: &str) -> Result<HeldConnection, Missing> {
        let mut stream = self.connect().await?;
        let failed = |error: std::io::Error| self.peer().io(&error, Phase::Head);
        stream.write_all(&self.bytes(text)).await.map_err(failed)?;
        stream.flush().await.map_err(failed)?;
        Ok(HeldConnection(stream))
    }

    /// The request as bytes, for a connection that is closed after the answer.
    pub(super) fn spelled(&self, request: &Request) -> Vec<u8> {
        let lines: Vec<String> =
            request.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let lines = lines.concat();
        let (body, length) = match &request.body {
            Some(body) => (body.as_str(), format!("content-length: {}\r\n", body.len())),
            None => ("", String::new()),
        };
        self.bytes(&format!(
            "{} {} HTTP/1.1\r\nhost: {{host}}\r\nuser-agent: {USER_AGENT}\r\n{lines}{length}connection: close\r\n\r\n{body}",
            request.method, request.path
        ))
    }

    pub(super) fn authority(&self) -> &str {
        self.target.authority()
    }

    pub(super) fn private(&self) -> impl Iterator<Item = (&str, &str)> {
        self.private.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(super) fn tls(&self) -> &ClientConfig {
        &self.tls
    }

    pub(super) fn confidential(&self) -> &[String] {
        &self.confidential
    }

    pub(super) const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A new connection, after its TLS handshake.
    pub(super) async fn connect(&self) -> Result<Stream, Missing> {
        let tcp = self.tcp().await?;
        if self.target.scheme() == Scheme::Http {
            return Ok(Box::new(tcp));
        }
        Ok(Box::new(self.secured(tcp, Arc::clone(&self.tls)).await?))
    }

    pub(super) async fn secured(
        &self,
        tcp: TcpStream,
        tls: Arc<ClientConfig>,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Missing> {
        let name =
            ServerName::try_from(self.host()).map_err(|_| Missing::Unresolved { host: self.host() })?;
        let handshake = TlsConnector::from(tls).connect(name, tcp);
        match timeout(self.timeout, handshake).await {
            Ok(done) => done.map_err(|error| self.peer().io(&error, Phase::Tls)),
            Err(_) => Err(self.peer().late(Phase::Tls)),
        }
    }

    pub(super) async fn tcp(&self) -> Result<TcpStream, Missing> {
        let port = self.target.port().unwrap_or(self.target.scheme().default_port());
        let failed = |error: std::io::Error| self.peer().io(&error, Phase::Connect);
        let connect = async {
            let addresses = lookup(&self.host(), port).await;
            let addresses = addresses.map_err(|Unresolved(host)| Missing::Unresolved { host })?;
            TcpStream::connect(&addresses[..]).await.map_err(failed)
        };
        let stream =
            timeout(self.timeout, connect).await.unwrap_or_else(|_| Err(self.peer().late(Phase::Connect)))?;
        // Each piece is sent when it is written, not when the previous one is acknowledged.
        stream.set_nodelay(true).map_err(failed)?;
        Ok(stream)
    }

    pub(super) fn peer(&self) -> Peer<'_> {
        Peer { place: self.target.authority(), within: self.timeout }
    }

    pub(super) fn host(&self) -> String {
        self.target.host().to_string().trim_matches(['[', ']']).to_owned()
    }
}

/// Reads to the end; whether the other side closed.
async fn listen(reader: &mut (impl AsyncRead + Unpin), received: &mut Vec<u8>, ends: Ends) -> bool {
    let mut buffer = vec![0; 8 * 1024];
    while received.len() < LONGEST && !(ends == Ends::WhenAnswered && responses::is_whole(received)) {
        match reader.read(&mut buffer).await {
            Ok(0) | Err(_) => return true,
            Ok(read) => received.extend_from_slice(&buffer[..read]),
        }
    }
    false
}
