//! The measured services, and a running one.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bench::ORIGINS;
use bench::database::PING_FIRST;
use testkit::Port;

use crate::process::Times;
use crate::{Bench, machine, process};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contender {
    Ours,
    BareHyper,
    BareHyperCors,
    BareHyperPg,
    Axum,
    /// With a ping before each use of a connection, as `pool_pre_ping` and `RecyclingMethod::Verified` do it.
    AxumPing,
    Actix,
}

impl Contender {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ours => "this service",
            Self::AxumPing => "axum, pinging",
            peer => peer.program(),
        }
    }

    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Ours => "server",
            Self::BareHyper => "bare-hyper",
            Self::BareHyperCors => "bare-hyper-cors",
            Self::BareHyperPg => "bare-hyper-pg",
            Self::Axum | Self::AxumPing => "axum",
            Self::Actix => "actix",
        }
    }

    pub(crate) fn asks_the_database(self) -> bool {
        !matches!(self, Self::BareHyper | Self::BareHyperCors)
    }

    /// Starts it on the first processor. On return only the system's own work has been done.
    pub(crate) fn start(self, bench: &Bench) -> Running {
        let port = Port::take().expect("a port is free");
        let mut command = Command::new(bench.programs.of(self));
        command.env_clear().env("PORT", port.to_string()).env("DATABASE_URL", bench.postgres.url());
        if self == Self::Ours {
            command.args(["--profile", "production"]);
        }
        if self == Self::AxumPing {
            command.env(PING_FIRST, "1");
        }
        command.stdin(Stdio::null()).stdout(Stdio::null());
        // A child inherits its parent's processor.
        machine::pin(machine::SERVERS);
        let started = Instant::now();
        let child = command.spawn().expect("a program that was just built");
        machine::pin(machine::LOAD);
        Running { contender: self, child, port, started }
    }
}

/// A running contender, killed when dropped.
pub(crate) struct Running {
    pub(crate) contender: Contender,
    child: Child,
    pub(crate) port: Port,
    pub(crate) started: Instant,
}

const PATIENCE: Duration = Duration::from_secs(20);

impl Running {
    /// A connection, once it listens. Polls without a pause, since this is timed.
    pub(crate) fn connect(&mut self) -> Client {
        loop {
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", self.port.number())) {
                stream.set_read_timeout(Some(PATIENCE)).expect("it is not zero");
                return Client { stream, contender: self.contender };
            }
            if let Some(status) = self.child.try_wait().expect("it is a child") {
                panic!("{} ended: {status}", self.contender.name());
            }
            assert!(self.started.elapsed() < PATIENCE, "{} does not listen", self.contender.name());
        }
    }

    /// Requests each of its routes once.
    pub(crate) fn warm(&mut self) {
        let mut client = self.connect();
        client.get("/livez");
        if self.contender.asks_the_database() {
            client.get("/health");
        }
    }

    pub(crate) fn times(&self) -> Times {
        Times::of(&[self.child.id()])
    }

    pub(crate) fn resident(&self) -> f64 {
        process::resident(self.child.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) struct Client {
    stream: TcpStream,
    contender: Contender,
}

impl Client {
    /// Repeats the request until the answer is 200, on one connection: the database may still be connecting.
    pub(crate) fn get(&mut self, path: &str) {
        let head = format!("GET {path} HTTP/1.1\r\nhost: api.example.com\r\norigin: {}\r\n\r\n", ORIGINS[0]);
        let asked = Instant::now();
        loop {
            self.stream.write_all(head.as_bytes()).expect("it is connected");
            let answer = self.answer();
            if answer.starts_with("HTTP/1.1 200 ") {
                return;
            }
            assert!(asked.elapsed() < PATIENCE, "{} {path}: {answer}", self.contender.name());
        }
    }

    fn answer(&mut self) -> String {
        let (mut answer, mut buffer) = (String::new(), [0; 4096]);
        loop {
            let read = self.stream.read(&mut buffer).expect("an answer within 20 s");
            assert!(read > 0, "{} closed the connection: {answer}", self.contender.name());
            answer += &String::from_utf8_lossy(&buffer[..read]);
            let Some((head, body)) = answer.split_once("\r\n\r\n") else { continue };
            let length = head.to_ascii_lowercase();
            let length = length.split_once("content-length: ").map_or("0", |(_, rest)| rest);
            let length = length.lines().next().and_then(|length| length.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return answer;
            }
        }
    }
}
