//! The listener: it binds every address, of both families if there are both, and accepts connections.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};

use crate::connection::http1::Accepted;
use crate::connection::places::{Place, Places};
use crate::service::Service;

/// The backlog of connections before `accept`; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 1024;

/// `[::]` serves IPv4 too (older Railway environments resolve to IPv6 only), and becomes `0.0.0.0` where the
/// machine has no IPv6.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let any_v6 = address.is_ipv6() && address.ip().is_unspecified();
    match open(address) {
        Err(error) if any_v6 && error.kind() != io::ErrorKind::AddrInUse => {
            open(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), address.port())).map_err(|_| error)
        }
        opened => opened,
    }
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // A restart must not wait for the old connections' TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Accepts connections, at most as many at once as there are places.
pub(crate) struct Acceptor {
    listener: TcpListener,
    service: Arc<Service>,
    places: Arc<Places>,
}

impl Acceptor {
    pub(crate) fn new(listener: TcpListener, service: Arc<Service>) -> Self {
        Self { listener, places: Places::new(service.profile.server.max_connections), service }
    }

    /// The next connection. It acquires a reserve permit first, so excess connections wait in the kernel backlog.
    pub(crate) async fn accept(&mut self) -> Accepted {
        let reserved = self.places.reserve().await;
        let Self { listener, service, .. } = self;
        let (stream, peer) = accept(listener, |error| tell_failed(service, error)).await;
        let place = self.places.take(reserved);
        if place.is_extra() {
            self.service.metrics.excess();
            tracing::warn!(
                sum_by = "excess",
                "all of server.max_connections are open; the one that is idle longest is closed"
            );
        }
        self.accepted(stream, peer, place)
    }

    /// Makes the kernel drop new connections: a client that begins one gets no answer, retries after a second (RFC 6298
    /// section 2.1), and is refused by then. Connections in the backlog are still to be accepted.
    ///
    /// Otherwise the kernel could complete a connection between the last `accept` and `close`, and reset it together
    /// with its request. Systems other than Linux have no such filter, so there one connection may still be lost.
    pub(crate) fn refuse_new(&self) {
        let socket = SockRef::from(&self.listener);
        let refused = ignore_beginnings(&socket).or_else(|_| socket.listen(0));
        if let Err(error) = refused {
            tracing::warn!(%error, "new connections could not be refused before the listener closes");
        }
    }

    /// The next connection of the backlog; `None` when it is empty.
    ///
    /// It calls accept(2) directly: tokio caches an empty backlog until its next poll, and limits how many connections
    /// a task accepts in a row.
    pub(crate) async fn accept_queued(&mut self) -> Option<Accepted> {
        let place = self.places.regular().await;
        let mut pause = FIRST_PAUSE;
        loop {
            match SockRef::from(&self.listener).accept().and_then(into_stream) {
                Ok((stream, peer)) => return Some(self.accepted(stream, peer, place)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    tell_failed(&self.service, &error);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LAST_PAUSE);
                }
            }
        }
    }

    fn accepted(&self, stream: TcpStream, peer: SocketAddr, place: Place) -> Accepted {
        Accepted { stream, peer, place, open: self.service.metrics.connection_opened() }
    }
}

fn tell_failed(service: &Service, error: &io::Error) {
    service.metrics.accept_failed();
    tracing::error!(sum_by = ?error.kind(), %error, "could not accept a connection");
}

/// Makes the kernel drop each segment that begins a connection, before it reaches the listener. Segments of pending
/// handshakes and of existing connections pass.
#[cfg(target_os = "linux")]
fn ignore_beginnings(listener: &SockRef<'_>) -> io::Result<()> {
    use socket2::SockFilter;

    // A program of the classic Berkeley Packet Filter (Linux, Documentation/networking/filter.rst). Byte 13 of a TCP
    // header holds its flags (RFC 9293 section 3.1): SYN alone begins a connection, SYN and ACK answer one.
    const FLAGS: u32 = 13;
    const SYN: u32 = 0x02;
    const ACK: u32 = 0x10;
    const LOAD_BYTE: u16 = 0x30;
    const AND: u16 = 0x54;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let (drop, pass) = (0, u32::MAX);
    listener.attach_filter(&[
        SockFilter::new(LOAD_BYTE, 0, 0, FLAGS),
        SockFilter::new(AND, 0, 0, SYN | ACK),
        SockFilter::new(JUMP_IF_EQUAL, 0, 1, SYN),
        SockFilter::new(RETURN, 0, 0, drop),
        SockFilter::new(RETURN, 0, 0, pass),
    ])
}

#[cfg(not(target_os = "linux"))]
fn ignore_beginnings(_: &SockRef<'_>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

fn into_stream((socket, peer): (Socket, SockAddr)) -> io::Result<(TcpStream, SocketAddr)> {
    socket.set_nonblocking(true)?;
    let peer = peer.as_socket().ok_or(io::ErrorKind::InvalidData)?;
    Ok((TcpStream::from_std(socket.into())?, peer))
}

/// The next connection. A failed accept is reported and retried.
pub(crate) async fn accept(
    listener: &TcpListener,
    mut failed: impl FnMut(&io::Error),
) -> (TcpStream, SocketAddr) {
    let mut pause = FIRST_PAUSE;
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_the_clients(&error) => {}
            // A lack of descriptors or memory passes only with time; an immediate retry would spin.
            Err(error) => {
                failed(&error);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LAST_PAUSE);
            }
        }
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// Network errors of a connection that accept(2) reports.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, NetworkDown,
        NetworkUnreachable,
    };
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionRefused
            | ConnectionReset
            | HostUnreachable
            | NetworkDown
            | NetworkUnreachable
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_address_means_both_families() {
        let listener = bind("[::]:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        if listener.local_addr().unwrap().is_ipv6() {
            TcpStream::connect(("::1", port)).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_taken_port_is_an_error() {
        let taken = bind("[::]:0".parse().unwrap()).unwrap();
        let error = bind(taken.local_addr().unwrap()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
