//! A relay between browser and service that records the bytes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::support::Answer;

pub(crate) struct Tap {
    address: SocketAddr,
    connections: Arc<Mutex<Vec<Arc<Connection>>>>,
}

/// The bytes of each direction.
#[derive(Default)]
struct Connection {
    asked: Mutex<Vec<u8>>,
    answered: Mutex<Vec<u8>>,
}

/// A request that arrived at the service, and its answer.
pub(crate) struct Exchange {
    pub(crate) method: String,
    pub(crate) query: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) answer: Answer,
}

impl Tap {
    pub(crate) async fn to(service: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tap = Self { address: listener.local_addr().unwrap(), connections: Arc::default() };
        let connections = Arc::clone(&tap.connections);
        tokio::spawn(async move {
            while let Ok((browser, _)) = listener.accept().await {
                let connection = Arc::<Connection>::default();
                connections.lock().unwrap().push(Arc::clone(&connection));
                let (from_browser, to_browser) = browser.into_split();
                let (from_service, to_service) = TcpStream::connect(service).await.unwrap().into_split();
                let answers = Arc::clone(&connection);
                tokio::spawn(async move { pass(from_browser, to_service, &connection.asked).await });
                tokio::spawn(async move { pass(from_service, to_browser, &answers.answered).await });
            }
        });
        tap
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn exchanges(&self) -> Vec<Exchange> {
        let connections = self.connections.lock().unwrap();
        connections.iter().flat_map(|connection| connection.exchanges()).collect()
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, seen: &Mutex<Vec<u8>>) {
    let mut bytes = vec![0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        seen.lock().unwrap().extend_from_slice(&bytes[..read]);
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
}

impl Connection {
    /// Pairs requests and answers: a browser sends a request after the answer to the previous one.
    fn exchanges(&self) -> Vec<Exchange> {
        let text = |bytes: &Mutex<Vec<u8>>| String::from_utf8(bytes.lock().unwrap().clone()).unwrap();
        let (asked, answered) = (text(&self.asked), text(&self.answered));
        let mut answers =
            answered.split(VERSION).skip(1).map(|rest| Answer::parse(&[VERSION, rest].concat()));
        let mut exchanges = Vec::<Exchange>::new();
        for line in asked.lines() {
            if let Some(start) = line.strip_suffix(VERSION.trim_end()) {
                let (method, target) = start.trim_end().split_once(' ').unwrap();
                let (_, query) = target.split_once('?').unwrap_or_default();
                let answer = answers.next().unwrap_or_else(|| panic!("no answer to {line}"));
                let (method, query) = (method.to_owned(), query.to_owned());
                exchanges.push(Exchange { method, query, headers: BTreeMap::new(), answer });
            } else if let (Some(exchange), Some((name, value))) =
                (exchanges.last_mut(), line.split_once(": "))
            {
                exchange.headers.insert(name.to_ascii_lowercase(), value.to_owned());
            }
        }
        exchanges
    }
}

/// No body contains it, and each request body ends with a line end, so that the next request begins a line.
const VERSION: &str = "HTTP/1.1 ";
