//! One session's conversation: what is counted of it, what passes, and where a lie fits in.
//!
//! A lie is told only between two answers of PostgreSQL and for a whole series of messages, so that a driver sees
//! what it would see of PostgreSQL: an error, and a session that goes on.

use std::collections::HashSet;

use super::counts::Counts;
use super::frames::{Foreign, Frames, Message, Piece};

/// What a query is answered with by [`Fault::QueryError`](super::Fault::QueryError); no response may show it.
pub const QUERY_ERROR: &str = "could not extend file \"base/16384/2619\": No space left on device";
/// What a startup is answered with by [`Fault::AuthError`](super::Fault::AuthError); no response may show it.
pub const AUTH_ERROR: &str = "password authentication failed for user \"plumbline_drill\"";

/// Names that are remembered of one transaction. No driver has so many, and memory has an end.
const MOST_NAMES: usize = 1024;

pub(super) struct Session {
    asked: Frames,
    told: Frames,
    series: Series,
    /// Whether the message that started last goes on to PostgreSQL.
    passes: bool,
    /// A message whose lie must wait for PostgreSQL's answers to what was passed before.
    waits: Option<Message>,
    /// How many `ReadyForQuery` PostgreSQL still owes.
    owed: u32,
    /// The last of them: I, T (in a transaction) or E (in a failed one).
    status: u8,
    /// Whether the last query was of the extended protocol.
    extended: bool,
    /// Statements that were named since the last transaction ended, and are not closed.
    names: HashSet<Vec<u8>>,
}

/// Messages of the extended protocol, until their Sync.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Series {
    None,
    Passed,
    Refused,
}

/// What goes out, and to whom.
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
    /// A session whose startup message has been passed.
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

    /// Reads what the client sent, and counts it. What is left of the input must come again after more answers.
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

    /// Whether the client must wait for answers before more of it is read.
    pub(super) fn waits(&self) -> bool {
        self.waits.is_some()
    }

    /// Reads what PostgreSQL answered; all of it passes.
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

    /// What a client asks for counts, whether it is passed or not.
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
            // COPY's data are sent. PostgreSQL ignored every Sync before it, so another one will follow.
            b'c' | b'f' if self.extended => self.owed = 0,
            _ => {}
        }
        Step::Pass
    }

    /// A transaction in which a query failed has failed.
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

/// A name ends with a NUL byte, or where nothing more of it was kept.
fn name(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().take_while(|byte| *byte != 0).take(super::frames::KEPT - 1).collect()
}

#[cfg(test)]
mod tests;
