//! Where the service listens: every address of both families, where there are both; and whom it lets in.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::connection::http1::Accepted;
use crate::service::Service;

/// Connections that wait for `accept`; the kernel caps it at `net.core.somaxconn`.
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

/// Takes connections, as many at once as there are permits.
pub(crate) struct Acceptor {
    listener: TcpListener,
    service: Arc<Service>,
    permits: Arc<Semaphore>,
    failed: Often,
    full: Often,
}

impl Acceptor {
    pub(crate) fn new(listener: TcpListener, service: Arc<Service>) -> Self {
        let most = usize::try_from(service.profile.server.max_connections)
            .unwrap_or(usize::MAX)
            .min(Semaphore::MAX_PERMITS);
        Self {
            listener,
            service,
            permits: Arc::new(Semaphore::new(most)),
            failed: Often::default(),
            full: Often::default(),
        }
    }

    /// The next connection. The permit comes first: whoever is too many waits in the system's queue and costs us
    /// nothing.
    pub(crate) async fn accept(&mut self) -> Accepted {
        let permit = self.permit().await;
        let Self { listener, service, failed, .. } = self;
        let (stream, peer) = accept(listener, |error| {
            service.metrics.accept_failed();
            if let Some(times) = failed.worth_a_line() {
                tracing::error!(%error, times, "could not accept a connection");
            }
        })
        .await;
        self.accepted(stream, peer, permit)
    }

    /// Who has already got a connection from the system, when no more are taken.
    pub(crate) fn accept_now(&self) -> Option<Accepted> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        let (stream, peer) = self.listener.accept().now_or_never()?.ok()?;
        Some(self.accepted(stream, peer, permit))
    }

    fn accepted(&self, stream: TcpStream, peer: SocketAddr, permit: OwnedSemaphorePermit) -> Accepted {
        Accepted { stream, peer, permit, open: self.service.metrics.connection_opened() }
    }

    async fn permit(&mut self) -> OwnedSemaphorePermit {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return permit;
        }
        if let Some(times) = self.full.worth_a_line() {
            tracing::warn!(times, "all of server.max_connections are open; more wait");
        }
        Arc::clone(&self.permits).acquire_owned().await.expect("nobody closes the semaphore")
    }
}

/// The next connection. What fails is told, and tried again.
pub(crate) async fn accept(
    listener: &TcpListener,
    mut failed: impl FnMut(&io::Error),
) -> (TcpStream, SocketAddr) {
    let mut pause = FIRST_PAUSE;
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_the_clients(&error) => {}
            // A lack of descriptors or memory: it passes only with time, and trying again at once would spin.
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

/// What happens a thousand times a second is worth one line in it.
#[derive(Default)]
struct Often {
    since: Option<Instant>,
    times: u32,
}

impl Often {
    /// How often it has happened since the last line.
    fn worth_a_line(&mut self) -> Option<u32> {
        self.times += 1;
        if self.since.is_some_and(|since| since.elapsed() < Duration::from_secs(1)) {
            return None;
        }
        self.since = Some(Instant::now());
        Some(std::mem::take(&mut self.times))
    }
}

/// What accept(2) passes on of the connection's own network.
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
