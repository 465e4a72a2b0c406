//! Limits the length that the message headers of a server announce.

/// The longest message of a session: more than any row of an API's answer.
const LONGEST: usize = 16 << 20;
/// The most bytes that a server may send before it is ready for the first query. libpq accepts at most 2,000 bytes of
/// an authentication message (`fe-connect.c`); notices and parameters add to that.
const GREETING: usize = 256 << 10;

/// PostgreSQL's messages, from the first one after the TLS handshake: a type byte, and a length that includes itself
/// ("Message Formats" in its manual).
#[derive(Debug)]
pub(super) struct Messages {
    header: [u8; 5],
    /// The received bytes of the header.
    come: usize,
    /// The remaining bytes of the message.
    rest: usize,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// The bytes left for the greeting.
    Greeting(usize),
    Session,
}

/// A message beyond the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message of {0} bytes was announced")]
pub(super) struct TooLong(usize);

impl Default for Messages {
    fn default() -> Self {
        Self { header: [0; 5], come: 0, rest: 0, phase: Phase::Greeting(GREETING) }
    }
}

impl Messages {
    /// Reads received bytes, and refuses a message as soon as its header is complete.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> Result<(), TooLong> {
        while !bytes.is_empty() {
            if self.rest > 0 {
                let passed = self.rest.min(bytes.len());
                self.rest -= passed;
                bytes = &bytes[passed..];
                continue;
            }
            let passed = (self.header.len() - self.come).min(bytes.len());
            self.header[self.come..][..passed].copy_from_slice(&bytes[..passed]);
            self.come += passed;
            bytes = &bytes[passed..];
            if self.come == self.header.len() {
                self.begin()?;
            }
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<(), TooLong> {
        let [kind, length @ ..] = self.header;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        match &mut self.phase {
            Phase::Greeting(left) => match left.checked_sub(length.saturating_add(1)) {
                Some(less) => *left = less,
                None => return Err(TooLong(length)),
            },
            Phase::Session if length > LONGEST => return Err(TooLong(length)),
            Phase::Session => {}
        }
        // ReadyForQuery.
        if kind == b'Z' {
            self.phase = Phase::Session;
        }
        // The driver refuses a length that does not include itself.
        self.rest = length.saturating_sub(4);
        self.come = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, length: u32) -> Vec<u8> {
        [&[kind][..], &length.to_be_bytes()].concat()
    }

    /// A complete message.
    fn whole(kind: u8, content: usize) -> Vec<u8> {
        [message(kind, u32::try_from(content + 4).unwrap()), vec![b'x'; content]].concat()
    }

    fn ready() -> Messages {
        let mut messages = Messages::default();
        messages.pass(&whole(b'Z', 1)).unwrap();
        messages
    }

    #[test]
    fn a_message_is_refused_when_its_header_has_come_however_it_came() {
        let stream =
            [whole(b'R', 8), whole(b'S', 40), whole(b'Z', 1), whole(b'D', 3_000), message(b'D', 1 << 31)];
        let stream = stream.concat();
        for size in [1, 2, 3, 4, 5, 7, 1_000, stream.len()] {
            let mut messages = Messages::default();
            let mut parts = stream.chunks(size).map(|part| messages.pass(part));
            assert_eq!(parts.find(Result::is_err), Some(Err(TooLong(1 << 31))), "in parts of {size}");
            assert_eq!(parts.next(), None, "of the last part");
        }
    }

    #[test]
    fn a_session_takes_long_rows_and_no_longer_ones() {
        let longest = u32::try_from(LONGEST).unwrap();
        assert_eq!(ready().pass(&message(b'D', longest)), Ok(()));
        assert_eq!(ready().pass(&message(b'D', longest + 1)), Err(TooLong(LONGEST + 1)));
        let mut many = ready();
        for _ in 0..100 {
            many.pass(&whole(b'D', 1 << 20)).unwrap();
        }
    }

    #[test]
    fn a_greeting_ends() {
        assert_eq!(Messages::default().pass(&message(b'R', u32::MAX)), Err(TooLong(u32::MAX as usize)));
        let mut endless = Messages::default();
        let taken = (0..100_000).take_while(|_| endless.pass(&whole(b'N', 100)).is_ok()).count();
        assert_eq!(taken, GREETING / 105);
    }
}
