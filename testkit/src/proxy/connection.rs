//! One connection through the proxy, and how faults end it.

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::counts::Tally;
use super::fault::{Fate, State};
use super::upstream::Upstream;

/// In bytes: the buffer for data that is read and discarded.
const CHUNK: usize = 4096;
/// All bytes of a ping.
const SYNC: [u8; 5] = [b'S', 0, 0, 0, 4];

/// The state that all connections of a proxy share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) upstream: Arc<Upstream>,
    pub(super) state: watch::Receiver<State>,
    pub(super) tally: Tally,
}

impl Shared {
    /// Serves a client until it or the database ends, or a fault ends it.
    pub(super) async fn hold(self, mut client: TcpStream, number: u64) {
        let _open = self.tally.open(|counts| &mut counts.connections);
        let _ = client.set_nodelay(true);
        let mut state = self.state.clone();
        let mut fate = tokio::select! {
            biased;
            fate = leave(&mut state, number, Fate::Served) => fate,
            // Its client can see nothing but the end, the database's too.
            _ = self.serve(&mut client) => Fate::Closed,
        };
        if let Fate::Silent | Fate::HalfClosed = fate {
            if let Fate::HalfClosed = fate {
                let _ = client.shutdown().await;
            }
            fate = tokio::select! {
                next = leave(&mut state, number, fate) => next,
                () = swallow(&mut client, &self.tally) => return,
            };
        }
        if let Fate::Reset = fate {
            let _ = client.set_zero_linger();
        } else {
            // Closing with unread data causes a reset; a client that never stops sending gets one.
            let mut unread = [0; CHUNK];
            let _ = (0..64).find(|_| !matches!(client.try_read(&mut unread), Ok(1..)));
        }
    }
}

/// Waits until the fault for a connection changes. The end of the proxy closes all connections.
async fn leave(state: &mut watch::Receiver<State>, number: u64, fate: Fate) -> Fate {
    let next = state.wait_for(|state| state.fate(number) != fate).await;
    next.map_or(Fate::Closed, |state| state.fate(number))
}

/// Reads until the client ends. A client may still check whether its connection is alive.
async fn swallow(client: &mut TcpStream, tally: &Tally) {
    let mut bytes = [0; CHUNK];
    while let Ok(read @ 1..) = client.read(&mut bytes).await {
        if bytes[..read] == SYNC {
            tally.with(|counts| counts.pings += 1);
        }
    }
}
