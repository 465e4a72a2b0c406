//! The beginning of a session: TLS or none, a startup or a request to cancel, and the answers of faults.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::connection::Shared;
use super::fault::Fault;
use super::opening::Opening;
use super::relay::{Relay, Stream};
use super::session::{AUTH_ERROR, Session, error};
use crate::authority::Certificate;

/// The limit for a connection to the database.
const UPSTREAM: Duration = Duration::from_secs(10);

/// A packet before the first message, with its head.
struct Packet {
    opening: Opening,
    bytes: Vec<u8>,
}

/// Whether the proxy's TLS covered a client's startup.
enum Cover {
    Tls,
    None,
}

impl Shared {
    /// Serves a client until it or the database ends.
    pub(super) async fn serve(&self, client: &mut TcpStream) -> io::Result<()> {
        self.wake().await;
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

    async fn wake(&self) {
        if let Fault::Wake(after) = self.fault() {
            let _waking = self.tally.open(|counts| &mut counts.waking);
            sleep(after).await;
        }
    }

    async fn secured(&self, client: &mut TcpStream, certificate: &Certificate) -> io::Result<()> {
        self.reply(client, b"S").await?;
        let mut client = TlsAcceptor::from(certificate.tls()).accept(client).await?;
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

    /// Exactly one packet: the bytes after a request for TLS belong to TLS.
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
        let passes = self.state.clone().wait_for(|state| !state.stalls()).await.map(drop);
        passes.map_err(io::Error::other)?;
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
