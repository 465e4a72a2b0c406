//! An address that never answers a packet.

use std::io;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

/// A listener with a full backlog: the system silently drops each further attempt.
pub struct FullBacklog {
    port: u16,
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

/// Longer than it takes to connect on loopback.
const DROPPED: Duration = Duration::from_millis(300);

impl FullBacklog {
    pub async fn listen() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(([127, 0, 0, 1], 0).into())?;
        let listener = socket.listen(0)?;
        let address = listener.local_addr()?;
        let mut queue = Vec::new();
        while let Ok(Ok(stream)) = timeout(DROPPED, TcpStream::connect(address)).await {
            queue.push(stream);
        }
        Ok(Self { port: address.port(), _listener: listener, _queue: queue })
    }

    pub const fn port(&self) -> u16 {
        self.port
    }
}
