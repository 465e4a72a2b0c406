//! A proxy before a real database that counts what passes and breaks in every way that networks and databases do.
//!
//! It speaks just enough of PostgreSQL's protocol to count connections, queries and named statements, and to lie.
//! A fault holds from the moment that [`Proxy::set`] returns, for live and for new connections alike.
//!
//! TLS hides all of that. A client's request for TLS is passed on, and where the database takes it, the proxy sees
//! and counts connections only, and cannot lie. A database that must be reached with TLS is reached with the
//! proxy's own ([`Upstream::tls`]); between the client and the proxy everything is then plain.
#![allow(clippy::disallowed_methods, reason = "a proxy is I/O, and its faults take time")]

mod certificate;
mod connection;
mod frames;
mod relay;
mod session;
mod tally;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

pub use certificate::{Authority, Certificate};
pub use session::{AUTH_ERROR, QUERY_ERROR};
pub use tally::{Counts, Gauge};

use crate::port::Port;
use connection::Line;
use tally::Tally;

/// Dropped, everything that it started ends, and its port is free as soon as the runtime has run again.
pub struct Proxy {
    port: Port,
    line: Line,
    /// All connections end when the last of these does.
    state: Arc<watch::Sender<State>>,
    door: Mutex<Door>,
}

/// The real database.
pub struct Upstream {
    pub host: String,
    pub port: u16,
    /// How it must be reached with TLS, and whom to trust.
    pub tls: Option<Arc<ClientConfig>>,
}

/// What is wrong. "Live" connections are those that were accepted before the fault was set.
///
/// A connection that was silent or half-closed has lost bytes: it is reset when the next fault is set.
#[derive(Clone, Debug)]
pub enum Fault {
    None,
    /// Nobody listens, and live connections are closed.
    Refuse,
    /// Connections are accepted, and neither they nor live ones are ever answered.
    BlackHole,
    /// Each way takes this long, a round trip twice as long.
    Latency(Duration),
    /// The database's side of live connections is closed, and what still comes is read. New ones work.
    HalfClose,
    /// Live connections are never answered again, as by a firewall that forgot them. New ones work.
    Freeze,
    /// New sessions are refused: SQLSTATE 28P01, [`AUTH_ERROR`].
    AuthError,
    /// Sessions start, and every query fails: SQLSTATE 53100, [`QUERY_ERROR`]. In a transaction, what follows
    /// must be ended by the client: PostgreSQL knows nothing of the failure.
    QueryError,
    /// New connections that ask for TLS get it with this certificate, and behind it the real database.
    /// Channel binding fails with it if the database is reached with TLS too, after the startup was counted.
    Tls(Certificate),
    /// New connections that ask for TLS are told that there is none.
    Plain,
}

impl Proxy {
    /// Listens on a free port of 127.0.0.1.
    pub async fn start(upstream: Upstream) -> io::Result<Self> {
        let port = Port::take()?;
        let listener = reserve(port.number()).await?.listen(BACKLOG)?;
        let state = Arc::new(watch::Sender::new(State::new()));
        let line = Line { upstream: Arc::new(upstream), state: state.subscribe(), tally: Tally::default() };
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, line.clone(), Arc::clone(&state)));
        Ok(Self { port, line, state, door: Mutex::new(Door { accepting, reserved: None }) })
    }

    pub const fn port(&self) -> u16 {
        self.port.number()
    }

    /// Ends the fault that was set before, and begins this one; [`Fault::None`] repairs.
    ///
    /// When this returns, the port is closed or open, as the fault wants it. There is a race: for a moment after
    /// [`Fault::Refuse`] has closed the port and before it has reserved it again, whoever asks for it by its number may
    /// take it. A connection that the system accepted in the last moment is not served but reset. An error says that
    /// the port was lost, and then nobody listens; it is tried again with the next fault.
    pub async fn set(&self, fault: Fault) -> io::Result<()> {
        let mut door = self.door.lock().await;
        if let Fault::Refuse = fault {
            self.state.send_modify(|state| state.set(fault));
            door.accepting.shutdown().await;
            if door.reserved.is_none() {
                door.reserved = Some(reserve(self.port()).await?);
            }
            return Ok(());
        }
        let listener = match door.reserved.take() {
            Some(reserved) => Some(reserved.listen(BACKLOG)?),
            None if door.accepting.is_empty() => Some(reserve(self.port()).await?.listen(BACKLOG)?),
            None => None,
        };
        self.state.send_modify(|state| state.set(fault));
        if let Some(listener) = listener {
            door.accepting.spawn(accept(listener, self.line.clone(), Arc::clone(&self.state)));
        }
        Ok(())
    }

    /// Closes every live connection, in order (FIN); new ones pass. A compute that was suspended.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.closed_before = state.accepted);
    }

    /// Resets every live connection (RST); new ones pass.
    pub fn reset(&self) {
        self.state.send_modify(|state| state.reset_before = state.accepted);
    }

    pub fn counts(&self) -> Counts {
        self.line.tally.with(|counts| *counts)
    }

    /// Forgets peaks and totals, but not what is open.
    pub fn mark(&self) {
        self.line.tally.mark();
    }
}

const BACKLOG: u32 = 1024;

/// Either somebody accepts, or the port is reserved.
struct Door {
    accepting: JoinSet<()>,
    reserved: Option<TcpSocket>,
}

/// A socket that has the port and does not listen: connections are refused, and nobody else gets the port, neither
/// to listen nor for a connection of its own.
async fn reserve(port: u16) -> io::Result<TcpSocket> {
    let deadline = Instant::now() + Duration::from_secs(1);
    loop {
        let socket = TcpSocket::new_v4()?;
        // Connections of before may still be closing.
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

async fn accept(listener: TcpListener, line: Line, state: Arc<watch::Sender<State>>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                let mut number = None;
                state.send_if_modified(|state| {
                    number = state.admit();
                    false
                });
                match number {
                    Some(number) => drop(tokio::spawn(line.clone().carry(client, number))),
                    None => drop(client.set_zero_linger()),
                }
            }
            // No descriptor is free; one will be.
            Err(_) => sleep(Duration::from_millis(10)).await,
        }
    }
}

/// What is wrong, and with which connections: they are numbered from 0 as they are accepted.
struct State {
    fault: Fault,
    accepted: u64,
    /// How many had been accepted when the fault was set.
    live_before: u64,
    closed_before: u64,
    reset_before: u64,
}

/// What a fault means for one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Served,
    Silent,
    HalfClosed,
    Closed,
    Reset,
}

impl State {
    const fn new() -> Self {
        Self { fault: Fault::None, accepted: 0, live_before: 0, closed_before: 0, reset_before: 0 }
    }

    fn set(&mut self, fault: Fault) {
        match self.fault {
            Fault::BlackHole => self.reset_before = self.accepted,
            Fault::HalfClose | Fault::Freeze => self.reset_before = self.reset_before.max(self.live_before),
            _ => {}
        }
        if let Fault::Refuse = fault {
            self.closed_before = self.accepted;
        }
        (self.fault, self.live_before) = (fault, self.accepted);
    }

    /// The number of a connection that was accepted just now.
    fn admit(&mut self) -> Option<u64> {
        if let Fault::Refuse = self.fault {
            return None;
        }
        self.accepted += 1;
        Some(self.accepted - 1)
    }

    fn fate(&self, number: u64) -> Fate {
        if number < self.reset_before {
            return Fate::Reset;
        }
        if number < self.closed_before {
            return Fate::Closed;
        }
        match self.fault {
            Fault::BlackHole => Fate::Silent,
            Fault::Freeze if number < self.live_before => Fate::Silent,
            Fault::HalfClose if number < self.live_before => Fate::HalfClosed,
            _ => Fate::Served,
        }
    }

    const fn latency(&self) -> Duration {
        match self.fault {
            Fault::Latency(latency) => latency,
            _ => Duration::ZERO,
        }
    }
}
