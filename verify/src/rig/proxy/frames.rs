//! PostgreSQL's messages in a stream of bytes, wherever the stream is cut.
//!
//! No body is ever collected: a message that claims 1 GiB costs as much memory as one of 64 bytes.

/// So much of a body is kept to look at: the longest name that PostgreSQL knows, with its end (`NAMEDATALEN`).
pub(super) const KEPT: usize = 64;
/// A type and a length, which counts itself.
const HEAD: usize = 5;
/// PostgreSQL itself refuses what is longer (`PQ_LARGE_MESSAGE_LIMIT`).
const LONGEST: u32 = 0x3fff_ffff;
/// PostgreSQL's own limit for the packets before the first message (`MAX_STARTUP_PACKET_LENGTH`).
const LONGEST_OPENING: u32 = 10_000;

/// This is not PostgreSQL's protocol.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a message of PostgreSQL's protocol")]
pub(super) struct Foreign;

/// What a connection begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    Startup,
    Cancel,
    Tls,
    Gss,
}

impl Opening {
    /// A length and a code.
    pub(super) const HEAD: usize = 8;
    /// Asks for TLS.
    pub(super) const TLS: [u8; Self::HEAD] = [0, 0, 0, 8, 4, 210, 22, 47];

    /// What it is, and how many bytes follow its head.
    pub(super) fn parse(head: [u8; Self::HEAD]) -> Result<(Self, usize), Foreign> {
        let [a, b, c, d, code @ ..] = head;
        let length = u32::from_be_bytes([a, b, c, d]);
        let opening = match u32::from_be_bytes(code) {
            80_877_102 => Self::Cancel,
            80_877_103 => Self::Tls,
            80_877_104 => Self::Gss,
            // Version 3 of the protocol, whatever its minor version.
            version if version >> 16 == 3 => Self::Startup,
            _ => return Err(Foreign),
        };
        let rest = match (opening, length) {
            (Self::Tls | Self::Gss, 8) => 0,
            (Self::Startup | Self::Cancel, 8..=LONGEST_OPENING) => length as usize - Self::HEAD,
            _ => return Err(Foreign),
        };
        Ok((opening, rest))
    }
}

/// Cuts one direction of a connection into messages.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The message that begins, until enough of it is there.
    begun: Vec<u8>,
    /// How much of the message's body is still to come.
    rest: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Start(Message),
    /// More of the body of the message that started last.
    More(&'a [u8]),
}

/// A message's head, and the first [`KEPT`] bytes of its body or all of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message(Vec<u8>);

impl Message {
    pub(super) fn kind(&self) -> u8 {
        self.0[0]
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.0[HEAD..]
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Frames {
    /// Takes the next piece off the input; `None` when the input has no more.
    pub(super) fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Piece<'a>>, Foreign> {
        if self.rest > 0 {
            let more = take(input, self.rest);
            self.rest -= more.len();
            return Ok((!more.is_empty()).then_some(Piece::More(more)));
        }
        self.begin(input, HEAD);
        let [_, a, b, c, d, ..] = self.begun[..] else { return Ok(None) };
        let length = u32::from_be_bytes([a, b, c, d]);
        if !(4..=LONGEST).contains(&length) {
            return Err(Foreign);
        }
        let body = length as usize - 4;
        let kept = body.min(KEPT);
        self.begin(input, HEAD + kept);
        if self.begun.len() < HEAD + kept {
            return Ok(None);
        }
        self.rest = body - kept;
        Ok(Some(Piece::Start(Message(std::mem::take(&mut self.begun)))))
    }

    /// Whether the next byte begins a message.
    pub(super) fn between(&self) -> bool {
        self.rest == 0 && self.begun.is_empty()
    }

    fn begin(&mut self, input: &mut &[u8], until: usize) {
        let missing = until.saturating_sub(self.begun.len());
        self.begun.extend_from_slice(take(input, missing));
    }
}

/// The first bytes of the input, as many as there are.
fn take<'a>(input: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (taken, left) = input.split_at(most.min(input.len()));
    *input = left;
    taken
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_connection_begins_in_four_ways() {
        let head = |length: u32, major: u16, minor: u16| {
            let head = [&length.to_be_bytes()[..], &major.to_be_bytes(), &minor.to_be_bytes()].concat();
            Opening::parse(head.try_into().unwrap())
        };
        assert_eq!(head(41, 3, 0), Ok((Opening::Startup, 33)));
        assert_eq!(head(41, 3, 2), Ok((Opening::Startup, 33)));
        assert_eq!(head(16, 1234, 5678), Ok((Opening::Cancel, 8)));
        assert_eq!(head(8, 1234, 5679), Ok((Opening::Tls, 0)));
        assert_eq!(head(8, 1234, 5680), Ok((Opening::Gss, 0)));
        assert_eq!(Opening::parse(Opening::TLS), Ok((Opening::Tls, 0)));
        // Version 2, a length below its own size, more than PostgreSQL takes, a TLS request with a tail.
        for foreign in [head(41, 2, 0), head(7, 3, 0), head(1 << 30, 3, 0), head(9, 1234, 5679)] {
            assert_eq!(foreign, Err(Foreign));
        }
        assert_eq!(Opening::parse(*b"GET / HT"), Err(Foreign));
    }

    #[test]
    fn a_gibibyte_is_refused_and_a_little_less_is_not_collected() {
        let mut frames = Frames::default();
        assert_eq!(frames.next(&mut &[b'Q', 0x40, 0, 0, 0][..]), Err(Foreign));
        let mut frames = Frames::default();
        let mut input = &[&[b'd', 0x3f, 0xff, 0xff, 0xff][..], &[7; 1000]].concat()[..];
        assert!(
            matches!(frames.next(&mut input), Ok(Some(Piece::Start(start))) if start.body().len() == KEPT)
        );
        assert_eq!(frames.next(&mut input), Ok(Some(Piece::More(&[7; 1000 - KEPT][..]))));
        assert_eq!((frames.next(&mut input), frames.between()), (Ok(None), false));
        assert_eq!(frames.begun.capacity(), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn messages_are_the_same_wherever_the_stream_is_cut(
            messages in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..200)), 0..20),
            cuts in prop::collection::vec(1_usize..90, 1..20),
        ) {
            let framed = |(kind, body): &(u8, Vec<u8>)| {
                let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
                [&[*kind][..], &length, body].concat()
            };
            let stream: Vec<u8> = messages.iter().flat_map(framed).collect();
            let (mut frames, mut seen, mut left) = (Frames::default(), Vec::new(), &stream[..]);
            for cut in cuts.iter().cycle() {
                let mut chunk = take(&mut left, *cut);
                while let Some(piece) = frames.next(&mut chunk).unwrap() {
                    match piece {
                        Piece::Start(start) => seen.push((start.kind(), start.body().to_vec())),
                        Piece::More(more) => seen.last_mut().unwrap().1.extend_from_slice(more),
                    }
                }
                prop_assert!(chunk.is_empty());
                if left.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(seen, messages);
            prop_assert!(frames.between());
        }

        #[test]
        fn garbage_is_taken_or_refused_and_never_collected(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20),
        ) {
            let mut frames = Frames::default();
            'stream: for chunk in &chunks {
                let mut chunk = &chunk[..];
                loop {
                    match frames.next(&mut chunk) {
                        Ok(Some(_)) => {}
                        Ok(None) => break,
                        Err(Foreign) => break 'stream,
                    }
                }
                prop_assert!(chunk.is_empty());
                prop_assert!(frames.begun.len() < HEAD + KEPT);
            }
        }

        #[test]
        fn any_eight_bytes_open_a_connection_or_do_not(head: [u8; 8]) {
            if let Ok((_, rest)) = Opening::parse(head) {
                prop_assert!(rest <= LONGEST_OPENING as usize);
            }
        }
    }
}
