//! One connection through the proxy: its way to the database, and how faults end it.
#![allow(clippy::disallowed_methods, reason = "a proxy is I/O, and its faults take time")]

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

use super::certificate::Certificate;
use super::frames::Opening;
use super::relay::{Relay, Stream};
use super::session::{AUTH_ERROR, Session, error};
use super::tally::Tally;
use super::{Fate, Fault, State, Upstream};

/// A database that does not accept a connection within this cannot be drilled.
const UPSTREAM: Duration = Duration::from_secs(10);
/// In bytes: what is read at once to be forgotten.
const CHUNK: usize = 4096;

/// What every connection of a proxy shares.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) upstream: Arc<Upstream>,
    pub(super) state: watch::Receiver<State>,
    pub(super) tally: Tally,
}

/// A packet before the first message, with its head.
struct Packet {
    opening: Opening,
    bytes: Vec<u8>,
}

/// Whether TLS of ours was between us and a client when its startup came.
enum Cover {
    Tls,
    None,
}

impl Line {
    /// Serves a client until it or the database ends, or a fault ends it.
    pub(super) async fn carry(self, mut client: TcpStream, number: u64) {
        let _open = self.tally.open(|counts| &mut counts.connections);
        let _ = client.set_nodelay(true);
        let mut state = self.state.clone();
        let mut fate = tokio::select! {
            biased;
            fate = leave(&mut state, number, Fate::Served) => fate,
            // Whatever ended the connection, all that its client can see is the end.
            _ = self.serve(&mut client) => Fate::Closed,
        };
        if let Fate::Silent | Fate::HalfClosed = fate {
            if let Fate::HalfClosed = fate {
                let _ = client.shutdown().await;
            }
            fate = tokio::select! {
                next = leave(&mut state, number, fate) => next,
                () = swallow(&mut client) => return,
            };
        }
        if let Fate::Reset = fate {
            let _ = client.set_zero_linger();
        } else {
            // Closing with something unread would be a reset; whoever never stops sending gets one.
            let mut unread = [0; CHUNK];
            let _ = (0..64).find(|_| !matches!(client.try_read(&mut unread), Ok(1..)));
        }
    }

    async fn serve(&self, client: &mut TcpStream) -> io::Result<()> {
        let mut server = None;
        loop {
            let packet = self.packet(client).await?;
            match packet.opening {
                Opening::Startup => return self.start(client, Cover::None, packet, server).await,
                Opening::Cancel => return self.cancel(client, packet, server).await,
                Opening::Gss => self.reply(client, b"N").await?,
                Opening::Tls => {
                    self.tally.with(|counts| counts.tls_requests += 1);
                    match self.fault() {
                        Fault::Tls(certificate) => return self.secured(client, &certificate).await,
                        Fault::Plain => self.reply(client, b"N").await?,
                        _ if self.upstream.tls.is_some() => self.reply(client, b"N").await?,
                        _ => {
                            let mut asked = self.reach().await?;
                            asked.write_all(&packet.bytes).await?;
                            let answer = asked.read_u8().await?;
                            self.reply(client, &[answer]).await?;
                            if answer != b'N' {
                                let _session = self.tally.open(|counts| &mut counts.sessions);
                                return self.relay(None).run(client, asked, Vec::new()).await;
                            }
                            server = Some(asked);
                        }
                    }
                }
            }
        }
    }

    async fn secured(&self, client: &mut TcpStream, certificate: &Certificate) -> io::Result<()> {
        self.reply(client, b"S").await?;
        let mut client = certificate.acceptor().accept(client).await?;
        let packet = self.packet(&mut client).await?;
        match packet.opening {
            Opening::Startup => self.start(client, Cover::Tls, packet, None).await,
            Opening::Cancel => self.cancel(client, packet, None).await,
            Opening::Tls | Opening::Gss => Ok(()),
        }
    }

    async fn start(
        &self,
        mut client: impl Stream,
        cover: Cover,
        startup: Packet,
        server: Option<Box<dyn Stream>>,
    ) -> io::Result<()> {
        self.tally.with(|counts| match cover {
            Cover::Tls => counts.trusting_startups += 1,
            Cover::None => counts.plain_startups += 1,
        });
        if let Fault::AuthError = self.fault() {
            self.tally.with(|counts| counts.refused_startups += 1);
            self.reply(&mut client, &error("FATAL", "28P01", AUTH_ERROR)).await?;
            return client.shutdown().await;
        }
        let _session = self.tally.open(|counts| &mut counts.sessions);
        let server = self.or_reach(server).await?;
        self.relay(Some(Session::new())).run(client, server, startup.bytes).await
    }

    async fn cancel(
        &self,
        client: impl Stream,
        request: Packet,
        server: Option<Box<dyn Stream>>,
    ) -> io::Result<()> {
        self.tally.with(|counts| counts.cancels += 1);
        let server = self.or_reach(server).await?;
        self.relay(None).run(client, server, request.bytes).await
    }

    /// Exactly one packet: what follows a request for TLS belongs to TLS.
    async fn packet(&self, client: &mut impl Stream) -> io::Result<Packet> {
        let mut head = [0; Opening::HEAD];
        client.read_exact(&mut head).await?;
        let (opening, rest) = Opening::parse(head).map_err(|foreign| {
            self.tally.with(|counts| counts.foreign += 1);
            io::Error::new(io::ErrorKind::InvalidData, foreign)
        })?;
        let mut bytes = head.to_vec();
        bytes.resize(Opening::HEAD + rest, 0);
        client.read_exact(&mut bytes[Opening::HEAD..]).await?;
        Ok(Packet { opening, bytes })
    }

    async fn reply(&self, client: &mut impl Stream, answer: &[u8]) -> io::Result<()> {
        let latency = self.state.borrow().latency();
        sleep(latency * 2).await; // there and back
        client.write_all(answer).await?;
        client.flush().await
    }

    async fn or_reach(&self, server: Option<Box<dyn Stream>>) -> io::Result<Box<dyn Stream>> {
        match server {
            Some(server) => Ok(server),
            None => self.reach().await,
        }
    }

    async fn reach(&self) -> io::Result<Box<dyn Stream>> {
        let reached = timeout(UPSTREAM, self.upstream.connect()).await.map_err(io::Error::from).flatten();
        reached.inspect_err(|_| self.tally.with(|counts| counts.unreached += 1))
    }

    fn fault(&self) -> Fault {
        self.state.borrow().fault.clone()
    }

    fn relay(&self, session: Option<Session>) -> Relay<'_> {
        Relay { state: &self.state, tally: &self.tally, session }
    }
}

impl Upstream {
    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        let mut server = TcpStream::connect((self.host.as_str(), self.port)).await?;
        server.set_nodelay(true)?;
        let Some(config) = &self.tls else { return Ok(Box::new(server)) };
        server.write_all(&Opening::TLS).await?;
        if server.read_u8().await? != b'S' {
            return Err(io::Error::other("the database does not offer TLS"));
        }
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        Ok(Box::new(TlsConnector::from(Arc::clone(config)).connect(name, server).await?))
    }
}

/// Waits until a connection's fate is another one. The proxy's end is everyone's.
async fn leave(state: &mut watch::Receiver<State>, number: u64, fate: Fate) -> Fate {
    let next = state.wait_for(|state| state.fate(number) != fate).await;
    next.map_or(Fate::Closed, |state| state.fate(number))
}

/// Reads until the client has had enough.
async fn swallow(client: &mut TcpStream) {
    let mut bytes = [0; CHUNK];
    while let Ok(1..) = client.read(&mut bytes).await {}
}
