//! A proxy in front of a real database that counts messages, and fails as networks and databases do.
//!
//! It speaks enough of PostgreSQL's protocol to count connections, queries and named statements, and to answer in the
//! database's place. A fault holds from the moment that [`FaultProxy::set`] returns, for live and for new
//! connections alike.
//!
//! TLS hides messages. A client's request for TLS is passed on. If the database accepts it, the proxy sees and counts
//! connections only, and cannot answer. A database that must be reached with TLS is reached with the
//! proxy's own ([`Upstream::tls`]); between the client and the proxy everything is then plain.

mod connection;
mod counts;
mod fault;
mod frames;
mod handshake;
mod opening;
mod queue;
mod relay;
mod session;
mod upstream;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

pub use counts::{Counts, Gauge};
pub use fault::Fault;
pub use session::{AUTH_ERROR, QUERY_ERROR};
pub use upstream::Upstream;

use crate::port::Port;
use crate::postgres::url;
use connection::Shared;
use counts::Tally;
use fault::State;

/// Dropping it ends all its tasks; its port is free as soon as the runtime has run again.
pub struct FaultProxy {
    port: Port,
    shared: Shared,
    /// All connections end when the last sender is dropped.
    state: Arc<watch::Sender<State>>,
    listening: Mutex<Listening>,
}

impl FaultProxy {
    /// Starts before a database on this machine.
    pub async fn to(port: u16) -> io::Result<Self> {
        Self::start(Upstream { host: Ipv4Addr::LOCALHOST.to_string(), port, tls: None }).await
    }

    /// Listens on a free port of 127.0.0.1.
    pub async fn start(upstream: Upstream) -> io::Result<Self> {
        let port = Port::take()?;
        let listener = reserve(port.number()).await?.listen(BACKLOG)?;
        let state = Arc::new(watch::Sender::new(State::new()));
        let shared =
            Shared { upstream: Arc::new(upstream), state: state.subscribe(), tally: Tally::default() };
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, shared.clone(), Arc::clone(&state)));
        Ok(Self { port, shared, state, listening: Mutex::new(Listening { accepting, reserved: None }) })
    }

    pub const fn port(&self) -> u16 {
        self.port.number()
    }

    /// The URL of a [`Postgres`](crate::Postgres) or [`PgBouncer`](crate::PgBouncer) through the proxy.
    pub fn url(&self) -> String {
        url("127.0.0.1", self.port())
    }

    /// Ends the previous fault and begins this one; [`Fault::None`] repairs.
    ///
    /// When this returns, the port is closed or open, as the fault requires. There is a race: between the moment in which
    /// [`Fault::Refuse`] closes the port and the moment in which it reserves it again, another program may bind it by its
    /// number. A connection that the system accepted last is not served but reset. An error means that the port was lost:
    /// then nothing listens, and the next fault tries again.
    pub async fn set(&self, fault: Fault) -> io::Result<()> {
        let mut listening = self.listening.lock().await;
        if let Fault::Refuse = fault {
            self.state.send_modify(|state| state.set(fault));
            listening.accepting.shutdown().await;
            if listening.reserved.is_none() {
                listening.reserved = Some(reserve(self.port()).await?);
            }
            return Ok(());
        }
        let listener = match listening.reserved.take() {
            Some(reserved) => Some(reserved.listen(BACKLOG)?),
            None if listening.accepting.is_empty() => Some(reserve(self.port()).await?.listen(BACKLOG)?),
            None => None,
        };
        self.state.send_modify(|state| state.set(fault));
        if let Some(listener) = listener {
            listening.accepting.spawn(accept(listener, self.shared.clone(), Arc::clone(&self.state)));
        }
        Ok(())
    }

    /// Closes every live connection in order (FIN), as a suspended compute does; new ones pass.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.closed_before = state.accepted);
    }

    /// Resets every live connection (RST); new ones pass.
    pub fn reset(&self) {
        self.state.send_modify(|state| state.reset_before = state.accepted);
    }

    pub fn counts(&self) -> Counts {
        self.shared.tally.with(|counts| *counts)
    }

    /// Resets peaks and totals, but not the counts of open connections.
    pub fn mark(&self) {
        self.shared.tally.mark();
    }
}

const BACKLOG: u32 = 1024;

/// Either a task accepts connections, or the port is reserved.
struct Listening {
    accepting: JoinSet<()>,
    reserved: Option<TcpSocket>,
}

/// A socket that is bound to the port and does not listen: connections are refused, and no other program gets the port,
/// neither to listen nor for a connection of its own.
async fn reserve(port: u16) -> io::Result<TcpSocket> {
    let deadline = Instant::now() + Duration::from_secs(1);
    loop {
        let socket = TcpSocket::new_v4()?;
        // Earlier connections may still be closing.
        socket.set_reuseaddr(true)?;
        match socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) {
            Ok(()) => return Ok(socket),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                sleep(Duration::from_millis(10)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn accept(listener: TcpListener, shared: Shared, state: Arc<watch::Sender<State>>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                let mut number = None;
                state.send_if_modified(|state| {
                    number = state.admit();
                    false
                });
                match number {
                    Some(number) => drop(tokio::spawn(shared.clone().hold(client, number))),
                    None => drop(client.set_zero_linger()),
                }
            }
            // No descriptor is free at the moment.
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}
