//! Where a request's head begins and ends in the client's bytes, and the framing errors that hyper accepts silently.

use memchr::memchr;

use crate::response::refusal::Refusal;

/// A framing error that hyper accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum FramingError {
    /// Transfer-Encoding beside Content-Length: two recipients may see two different ends (RFC 9112 section 6.1).
    TwoLengths = 1,
    /// A line that ends without CR (RFC 9112 section 2.2 lets a recipient accept it; a proxy may not).
    BareLineFeed,
    /// A `#` in the target, which RFC 9112 section 3.2 does not allow: hyper drops the rest, a proxy may route by it.
    Fragment,
}

/// Reads the lines of successive heads from bytes that arrive in any portions.
#[derive(Default)]
pub(crate) struct Framing {
    position: Position,
    /// The beginning of an incomplete line: enough to recognise the field.
    start: [u8; LONGEST],
    length: u8,
    /// The last byte of that line.
    last: u8,
    content_length: bool,
    transfer_encoding: bool,
    other: Option<FramingError>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Position {
    /// At the beginning of a head: no line is complete yet.
    Start,
    /// Inside a head whose beginning was read.
    Head,
    /// After a head, with no further bytes.
    #[default]
    Between,
    /// After a head, in a body or in the beginning of another head: at the socket these cannot be told apart.
    Lost,
}

const CONTENT_LENGTH: &[u8] = b"content-length:";
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding:";
const LONGEST: usize = TRANSFER_ENCODING.len();

impl FramingError {
    pub(crate) fn of(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::TwoLengths),
            2 => Some(Self::BareLineFeed),
            3 => Some(Self::Fragment),
            _ => None,
        }
    }
}

impl From<FramingError> for Refusal {
    fn from(flaw: FramingError) -> Self {
        Self::bad_request(match flaw {
            FramingError::TwoLengths => {
                "the request has `Transfer-Encoding` and `Content-Length`, and so two ends"
            }
            FramingError::BareLineFeed => "a line of the request's head ends without a carriage return",
            FramingError::Fragment => "the request target has a fragment",
        })
        .closing()
    }
}

impl Framing {
    /// The first bytes since an answer. If earlier bytes went beyond their request, these may be the middle of a head,
    /// which is then not judged: hyper still ends the connection after a message with two lengths.
    pub(crate) fn begin(&mut self, bytes: &[u8]) {
        if self.position == Position::Between {
            *self = Self { position: Position::Start, ..Self::default() };
            self.read(bytes);
        } else {
            *self = Self::default();
        }
    }

    /// More bytes of the same head.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        if !matches!(self.position, Position::Start | Position::Head) {
            return;
        }
        let mut rest = bytes;
        while let Some(end) = memchr(b'\n', rest) {
            let line = &rest[..end];
            rest = &rest[end + 1..];
            self.see_target(line);
            let returned = *line.last().unwrap_or(&self.last) == b'\r';
            let blank = if self.length == 0 {
                // The line is complete in this portion: its beginning need not be kept.
                self.see(line);
                line.is_empty() || line == b"\r"
            } else {
                self.keep(line);
                self.see(&{ self.start }[..usize::from(self.length)]);
                self.length == 1 && self.start[0] == b'\r'
            };
            if !returned {
                self.other = Some(FramingError::BareLineFeed);
            }
            (self.length, self.last) = (0, 0);
            // RFC 9112 section 2.2: an empty line before the request line is skipped.
            if blank && self.position == Position::Head {
                self.position = if rest.is_empty() { Position::Between } else { Position::Lost };
                return;
            }
            if !blank {
                self.position = Position::Head;
            }
        }
        self.see_target(rest);
        self.keep(rest);
        self.last = *rest.last().unwrap_or(&self.last);
    }

    /// Bytes that arrived while a request was handled.
    pub(crate) fn lose(&mut self) {
        self.position = Position::Lost;
    }

    pub(crate) fn flaw(&self) -> u8 {
        if self.transfer_encoding && self.content_length {
            FramingError::TwoLengths as u8
        } else {
            self.other.map_or(0, |flaw| flaw as u8)
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let from = usize::from(self.length);
        let more = bytes.len().min(LONGEST - from);
        self.start[from..from + more].copy_from_slice(&bytes[..more]);
        self.length = u8::try_from(from + more).expect("at most LONGEST");
    }

    fn see_target(&mut self, line: &[u8]) {
        if self.position == Position::Start && memchr(b'#', line).is_some() {
            self.other = Some(FramingError::Fragment);
        }
    }

    fn see(&mut self, line: &[u8]) {
        let is = |name: &[u8]| line.len() >= name.len() && line[..name.len()].eq_ignore_ascii_case(name);
        match line.first() {
            Some(b'c' | b'C') => self.content_length |= is(CONTENT_LENGTH),
            Some(b't' | b'T') => self.transfer_encoding |= is(TRANSFER_ENCODING),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaw(parts: &[&str]) -> Option<FramingError> {
        let mut framing = Framing::default();
        framing.begin(parts[0].as_bytes());
        parts[1..].iter().for_each(|part| framing.read(part.as_bytes()));
        FramingError::of(framing.flaw())
    }

    /// The same bytes in one portion, and split at every position.
    fn assert_flaw(head: &str, expected: Option<FramingError>) {
        assert_eq!(flaw(&[head]), expected, "{head:?}");
        for at in 1..head.len() {
            let (one, other) = head.split_at(at);
            assert_eq!(flaw(&[one, other]), expected, "{one:?} {other:?}");
        }
        let bytes: Vec<_> = head.split_inclusive(|_| true).collect();
        assert_eq!(flaw(&bytes), expected, "{head:?} byte by byte");
    }

    #[test]
    fn two_lengths_are_noticed_however_the_head_is_cut() {
        for (one, other) in
            [("Content-Length: 5", "Transfer-Encoding: chunked"), ("transfer-encoding:x", "CONTENT-LENGTH:")]
        {
            assert_flaw(
                &format!("PUT / HTTP/1.1\r\n{one}\r\n{other}\r\n\r\n"),
                Some(FramingError::TwoLengths),
            );
            assert_flaw(
                &format!("PUT / HTTP/1.1\r\n{other}\r\nhost: a\r\n{one}\r\n\r\n"),
                Some(FramingError::TwoLengths),
            );
        }
    }

    #[test]
    fn one_length_is_no_flaw_and_a_body_may_speak_of_another() {
        assert_flaw("PUT / HTTP/1.1\r\ncontent-length: 17\r\n\r\n", None);
        assert_flaw("PUT / HTTP/1.1\r\nx-content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n", None);
        assert_flaw(
            "PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n5\r\ncontent-length: 5\r\n0\r\n\r\n",
            None,
        );
    }

    #[test]
    fn a_line_without_cr_is_noticed_in_the_head_only() {
        assert_flaw("GET / HTTP/1.1\nhost: a\r\n\r\n", Some(FramingError::BareLineFeed));
        assert_flaw("GET / HTTP/1.1\r\nhost: a\r\n\n", Some(FramingError::BareLineFeed));
        assert_flaw("PUT / HTTP/1.1\r\nhost: a\r\n\r\na\nb", None);
    }

    #[test]
    fn a_fragment_is_noticed_in_the_target_only() {
        assert_flaw("GET /health#/../admin HTTP/1.1\r\nhost: a\r\n\r\n", Some(FramingError::Fragment));
        assert_flaw("\r\nGET /health?q=1# HTTP/1.1\r\nhost: a\r\n\r\n", Some(FramingError::Fragment));
        assert_flaw("PUT /health HTTP/1.1\r\nhost: a\r\nx-tag: #1\r\n\r\n#", None);
    }

    #[test]
    fn the_next_head_is_read_only_where_its_beginning_is_known() {
        let flawed = b"PUT / HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n";
        let mut framing = Framing::default();
        framing.begin(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        framing.begin(flawed);
        assert_eq!(FramingError::of(framing.flaw()), Some(FramingError::TwoLengths));

        let mut framing = Framing::default();
        framing.begin(b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / HT");
        framing.begin(b"TP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n");
        assert_eq!(FramingError::of(framing.flaw()), None);
        framing.begin(flawed);
        assert_eq!(
            FramingError::of(framing.flaw()),
            Some(FramingError::TwoLengths),
            "found again by the next answer"
        );
    }
}
