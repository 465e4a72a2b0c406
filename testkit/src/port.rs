//! Ports for programs that tests and drills start.
//!
//! Seconds pass between the choice of a port and the moment that the program listens. If another program takes the port
//! meanwhile, it receives the requests, and answers.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::TcpSocket;

/// A port that was free when it was taken, and that no other process takes through this type while this lives.
///
/// The system does not assign it either, unless it is configured to assign ports below 32,768. This holds the even port
/// before it: not every program can listen on a port that is held.
pub struct Port {
    number: u16,
    _before: TcpSocket,
}

/// Services are configured with lower ports; Linux and other systems assign higher ones.
const FIRST: u16 = 10_000;
const END: u16 = 32_768;
const PAIRS: u16 = (END - FIRST) / 2;
/// Each process begins at another port, and reuses a returned port last.
static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| (RandomState::new().hash_one(()) >> 1).into());

impl Port {
    /// Fails if all of them are in use, or if this process may open no more sockets.
    pub fn take() -> io::Result<Self> {
        let start = NEXT.fetch_add(1, Ordering::Relaxed) % u64::from(PAIRS);
        let start = u16::try_from(start).expect("it is less than PAIRS");
        for before in (0..PAIRS).map(|step| FIRST + 2 * ((start + step) % PAIRS)) {
            match (bind(Ipv4Addr::LOCALHOST, before), bind(Ipv4Addr::UNSPECIFIED, before + 1)) {
                (Ok(held), Ok(_)) => return Ok(Self { number: before + 1, _before: held }),
                (Err(error), _) | (_, Err(error)) if error.kind() != io::ErrorKind::AddrInUse => {
                    return Err(error);
                }
                _ => {}
            }
        }
        let all = format!("all from {FIRST} to {} are in use", END - 1);
        Err(io::Error::new(io::ErrorKind::AddrInUse, all))
    }

    pub const fn number(&self) -> u16 {
        self.number
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(f)
    }
}

/// Binds without listening; fails if another socket has the port.
fn bind(address: Ipv4Addr, port: u16) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((address, port)))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn no_two_programs_that_start_at_once_get_the_same_port() {
        let taken: Vec<Port> = (0..400).map(|_| Port::take().unwrap()).collect();
        let numbers: BTreeSet<u16> = taken.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), taken.len());
    }

    #[test]
    fn a_program_can_listen_on_its_port_at_any_address() {
        let families = ["::1", "::"].into_iter().filter(|_| TcpListener::bind("[::1]:0").is_ok());
        for address in ["127.0.0.1", "0.0.0.0"].into_iter().chain(families) {
            let port = Port::take().unwrap();
            let listener = TcpListener::bind((address, port.number()));
            assert_eq!(listener.unwrap().local_addr().unwrap().port(), port.number());
        }
    }

    #[test]
    fn a_port_that_is_listened_on_is_never_taken() {
        let listen = || TcpListener::bind(("0.0.0.0", Port::take().unwrap().number())).unwrap();
        let listening: Vec<TcpListener> = (0..50).map(|_| listen()).collect();
        let others: BTreeSet<u16> = listening.iter().map(|one| one.local_addr().unwrap().port()).collect();
        for _ in 0..2_000 {
            assert!(!others.contains(&Port::take().unwrap().number()));
        }
    }
}
