//! Clients that send requests until the service has ended, and count the lost ones.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How a client connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connections {
    /// A new connection for each request.
    Fresh,
    /// One connection for as long as the service keeps it.
    Kept,
}

/// Concurrent clients, each with one request after the other.
pub(crate) struct Load(JoinSet<Count>);

/// The results of the requests. A request is lost if its connection was established and its bytes were sent, but no
/// complete answer arrived.
#[derive(Default)]
pub(crate) struct Count {
    pub(crate) answered: usize,
    pub(crate) lost: Vec<String>,
}

impl Load {
    pub(crate) fn start(address: SocketAddr, clients: usize, connections: Connections) -> Self {
        Self((0..clients).map(|_| client(address, connections)).collect())
    }

    /// Waits until no client can connect.
    pub(crate) async fn end(self) -> Count {
        self.0.join_all().await.into_iter().fold(Count::default(), |mut sum, count| {
            sum.answered += count.answered;
            sum.lost.extend(count.lost);
            sum
        })
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { answered, lost } = self;
        write!(
            f,
            "{} lost beside {answered}, such as {:?}",
            lost.len(),
            lost.iter().take(3).collect::<Vec<_>>()
        )
    }
}

async fn client(address: SocketAddr, connections: Connections) -> Count {
    let mut count = Count::default();
    while let Ok(mut stream) = TcpStream::connect(address).await {
        loop {
            match ask(&mut stream, connections).await {
                Ok(Then::Again) => count.answered += 1,
                Ok(Then::Closed) => {
                    count.answered += 1;
                    break;
                }
                Err(why) => {
                    count.lost.push(why);
                    break;
                }
            }
        }
    }
    count
}

enum Then {
    Again,
    Closed,
}

async fn ask(stream: &mut TcpStream, connections: Connections) -> Result<Then, String> {
    let field = if connections == Connections::Fresh { "connection: close\r\n" } else { "" };
    let request = format!("GET /livez HTTP/1.1\r\nhost: api.example.com\r\n{field}\r\n");
    let told = |error: std::io::Error| error.to_string();
    stream.write_all(request.as_bytes()).await.map_err(told)?;
    let mut answer = Vec::new();
    loop {
        let read = timeout(Duration::from_secs(20), stream.read_buf(&mut answer)).await;
        if read.map_err(|_| "nothing within 20 s")?.map_err(told)? == 0 {
            return Err(format!("closed after {} bytes", answer.len()));
        }
        let text = std::str::from_utf8(&answer).expect("the service answers in ASCII");
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.and_then(|length| length.parse().ok()).expect("a length is told");
        if body.len() < length {
            continue;
        }
        if !head.starts_with("HTTP/1.1 200 ") {
            return Err(head.to_owned());
        }
        let closes = head.lines().any(|line| line == "connection: close");
        return Ok(if closes { Then::Closed } else { Then::Again });
    }
}
