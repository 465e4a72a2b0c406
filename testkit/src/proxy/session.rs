//! The messages of one session: which are counted, which pass, and where a false answer can be inserted.
//!
//! A false answer is sent only between two answers of PostgreSQL and for a whole series of messages, so that a driver
//! sees the same as from PostgreSQL: an error, and a session that continues.

use std::collections::HashSet;

use super::counts::Counts;
use super::frames::{Foreign, Frames, Message, Piece};

/// The answer of [`Fault::QueryError`](super::Fault::QueryError) to a query; no response may show it.
pub const QUERY_ERROR: &str = "could not extend file \"base/16384/2619\": No space left on device";
/// The answer of [`Fault::AuthError`](super::Fault::AuthError) to a startup; no response may show it.
pub const AUTH_ERROR: &str = "password authentication failed for user \"plumbline_drill\"";

/// The most names that are kept for one transaction: more than any driver uses, and a bound on memory.
const MOST_NAMES: usize = 1024;

pub(super) struct Session {
    asked: Frames,
    told: Frames,
    series: Series,
    /// Whether the current message is forwarded to PostgreSQL.
    passes: bool,
    /// A message whose false answer must wait for PostgreSQL's answers to earlier messages.
    waits: Option<Message>,
    /// The number of `ReadyForQuery` messages that PostgreSQL has still to send.
    owed: u32,
    /// The last of them: I, T (in a transaction) or E (in a failed one).
    status: u8,
    /// Whether the last query used the extended protocol.
    extended: bool,
    /// Named statements since the end of the last transaction that are not closed.
    names: HashSet<Vec<u8>>,
}

/// Messages of the extended protocol, until their Sync.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Series {
    None,
    Passed,
    Refused,
}

/// The bytes to send, and their receiver.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Out {
    pub(super) to_server: Vec<u8>,
    pub(super) to_client: Vec<u8>,
}

enum Step {
    Pass,
    Skip,
    Answer(Vec<u8>),
    Wait,
}

impl Session {
    /// A session whose startup message has been forwarded.
    pub(super) fn new() -> Self {
        Self {
            asked: Frames::default(),
            told: Frames::default(),
            series: Series::None,
            passes: true,
            waits: None,
            owed: 1,
            status: b'I',
            extended: false,
            names: HashSet::new(),
        }
    }

    /// Reads and counts the client's messages. The caller passes the rest of the input again after more answers.
    pub(super) fn ask(
        &mut self,
        input: &mut &[u8],
        lying: bool,
        counts: &mut Counts,
    ) -> Result<Out, Foreign> {
        let mut out = Out::default();
        loop {
            let message = match self.waits.take() {
                Some(message) => message,
                None => match self.asked.next(input)? {
                    None => return Ok(out),
                    Some(Piece::More(bytes)) => {
                        if self.passes {
                            out.to_server.extend_from_slice(bytes);
                        }
                        continue;
                    }
                    Some(Piece::Start(message)) => {
                        self.count(&message, counts);
                        message
                    }
                },
            };
            let step = self.step(message.kind(), lying);
            self.passes = matches!(step, Step::Pass);
            match step {
                Step::Pass => {
                    self.remember(&message);
                    out.to_server.extend_from_slice(message.bytes());
                }
                Step::Skip => {}
                Step::Answer(answer) => out.to_client.extend(answer),
                Step::Wait => {
                    self.waits = Some(message);
                    return Ok(out);
                }
            }
        }
    }

    /// Whether the client must wait for answers before more of its bytes are read.
    pub(super) fn waits(&self) -> bool {
        self.waits.is_some()
    }

    /// Reads PostgreSQL's answers; all of them pass.
    pub(super) fn told(&mut self, mut answer: &[u8], counts: &mut Counts) -> Result<(), Foreign> {
        while let Some(piece) = self.told.next(&mut answer)? {
            let Piece::Start(message) = piece else { continue };
            if let (b'Z', [status, ..]) = (message.kind(), message.body()) {
                self.status = *status;
                self.owed = self.owed.saturating_sub(1);
                if *status == b'I' {
                    counts.surviving_statements += self.names.drain().count() as u64;
                }
            }
        }
        Ok(())
    }

    /// A client's messages count, whether they are passed or not.
    fn count(&self, message: &Message, counts: &mut Counts) {
        match (message.kind(), message.body()) {
            (b'Q' | b'E', _) => counts.queries += 1,
            (b'S', _) if self.series == Series::None => counts.pings += 1,
            (b'P', [first, ..]) if *first != 0 => counts.named_statements += 1,
            _ => {}
        }
    }

    fn remember(&mut self, message: &Message) {
        match (message.kind(), message.body()) {
            (b'P', named @ [first, ..]) if *first != 0 && self.names.len() < MOST_NAMES => {
                self.names.insert(name(named));
            }
            (b'C', [b'S', closed @ ..]) => {
                self.names.remove(&name(closed));
            }
            _ => {}
        }
    }

    fn step(&mut self, kind: u8, lying: bool) -> Step {
        let query = matches!(kind, b'Q' | b'F');
        let part = matches!(kind, b'P' | b'B' | b'D' | b'E' | b'C');
        if lying && self.series == Series::None && (query || part) {
            if self.owed > 0 || !self.told.between() {
                return Step::Wait;
            }
            let mut answer = error("ERROR", "53100", QUERY_ERROR);
            if query {
                answer.extend(self.ready());
            } else {
                self.series = Series::Refused;
            }
            return Step::Answer(answer);
        }
        match kind {
            b'X' => {}
            b'S' if self.series == Series::Refused => {
                self.series = Series::None;
                return Step::Answer(self.ready());
            }
            _ if self.series == Series::Refused => return Step::Skip,
            b'S' => {
                self.series = Series::None;
                self.owed += 1;
            }
            b'Q' | b'F' => {
                (self.series, self.extended) = (Series::None, false);
                self.owed += 1;
            }
            b'P' | b'B' | b'D' | b'E' | b'C' => (self.series, self.extended) = (Series::Passed, true),
            // The data of COPY are complete. PostgreSQL ignored every earlier Sync, so another one will follow.
            b'c' | b'f' if self.extended => self.owed = 0,
            _ => {}
        }
        Step::Pass
    }

    /// A failed query fails its transaction.
    fn ready(&self) -> Vec<u8> {
        vec![b'Z', 0, 0, 0, 5, if self.status == b'I' { b'I' } else { b'E' }]
    }
}

/// An `ErrorResponse`.
pub(super) fn error(severity: &str, code: &str, message: &str) -> Vec<u8> {
    let fields = format!("S{severity}\0V{severity}\0C{code}\0M{message}\0\0");
    let length = u32::try_from(fields.len() + 4).expect("the proxy's errors are short");
    [b"E", &length.to_be_bytes()[..], fields.as_bytes()].concat()
}

/// A name ends with a NUL byte, or with the kept bytes.
fn name(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().take_while(|byte| *byte != 0).take(super::frames::KEPT - 1).collect()
}

#[cfg(test)]
mod tests;
