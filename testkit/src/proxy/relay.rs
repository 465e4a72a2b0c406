//! Two streams joined in both directions: bytes may be late, wait, or be answered in the database's place.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::sync::watch;

use super::counts::Tally;
use super::fault::{Fault, State};
use super::frames::Foreign;
use super::queue::Queue;
use super::session::{Out, Session};

const CHUNK: usize = 16 * 1024;

pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

pub(super) struct Relay<'r> {
    pub(super) state: &'r watch::Receiver<State>,
    pub(super) tally: &'r Tally,
    /// Without one no message is parsed, and all bytes pass.
    pub(super) session: Option<Session>,
}

impl Relay<'_> {
    /// Sends the opening to the server and joins the two, until one of them has ended and the other has received all
    /// earlier bytes.
    pub(super) async fn run(
        mut self,
        client: impl Stream,
        server: impl Stream,
        opening: Vec<u8>,
    ) -> io::Result<()> {
        let (mut from_client, mut to_client) = tokio::io::split(client);
        let (mut from_server, mut to_server) = tokio::io::split(server);
        let (mut requests, mut answers) = (Queue::default(), Queue::default());
        requests.push(opening, self.latency());
        let (mut asked, mut told) = (vec![0; CHUNK], vec![0; CHUNK]);
        // The client's bytes that wait until a false answer can be sent.
        let mut inbox = Vec::new();
        let (mut client_ended, mut server_ended) = (false, false);
        let mut state = self.state.clone();
        loop {
            if client_ended && requests.is_empty() || server_ended && answers.is_empty() {
                return Ok(());
            }
            let passes = !self.state.borrow().stalls();
            tokio::select! {
                biased;
                changed = state.changed() => changed.map_err(io::Error::other)?,
                sent = requests.send(&mut to_server), if passes && !requests.is_empty() => sent?,
                sent = answers.send(&mut to_client), if passes && !answers.is_empty() => sent?,
                read = from_client.read(&mut asked),
                    if !client_ended && !self.waits() && requests.has_room() && answers.has_room() =>
                {
                    // A broken connection has ended.
                    let read = read.unwrap_or(0);
                    client_ended = read == 0;
                    inbox.extend_from_slice(&asked[..read]);
                }
                read = from_server.read(&mut told), if !server_ended && answers.has_room() => {
                    let read = read.unwrap_or(0);
                    server_ended = read == 0;
                    self.answered(&told[..read])?;
                    answers.push(told[..read].to_vec(), self.latency());
                }
            }
            let out = self.asked(&mut inbox)?;
            requests.push(out.to_server, self.latency());
            answers.push(out.to_client, self.latency());
        }
    }

    fn asked(&mut self, inbox: &mut Vec<u8>) -> io::Result<Out> {
        let Some(session) = &mut self.session else {
            return Ok(Out { to_server: std::mem::take(inbox), to_client: Vec::new() });
        };
        let lying = matches!(self.state.borrow().fault, Fault::QueryError);
        let mut left = &inbox[..];
        let out = self.tally.with(|counts| session.ask(&mut left, lying, counts));
        let read = inbox.len() - left.len();
        inbox.drain(..read);
        self.understood(out)
    }

    fn answered(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(session) = &mut self.session else { return Ok(()) };
        let told = self.tally.with(|counts| session.told(bytes, counts));
        self.understood(told)
    }

    fn understood<T>(&self, read: Result<T, Foreign>) -> io::Result<T> {
        read.map_err(|foreign| {
            self.tally.with(|counts| counts.foreign += 1);
            io::Error::new(io::ErrorKind::InvalidData, foreign)
        })
    }

    fn waits(&self) -> bool {
        self.session.as_ref().is_some_and(Session::waits)
    }

    fn latency(&self) -> Duration {
        self.state.borrow().latency()
    }
}
