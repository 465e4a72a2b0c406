//! PostgreSQL's messages in a stream of bytes that arrives in arbitrary pieces.
//!
//! Bodies are not collected: a message that claims 1 GiB costs as much memory as one of 64 bytes.

/// The bytes of a body that are kept: PostgreSQL's longest name with its end (`NAMEDATALEN`).
pub(super) const KEPT: usize = 64;
/// The size of a type and a length; the length includes itself.
const HEAD: usize = 5;
/// PostgreSQL itself refuses longer messages (`PQ_LARGE_MESSAGE_LIMIT`).
const LONGEST: u32 = 0x3fff_ffff;

/// The bytes are not PostgreSQL's protocol.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a message of PostgreSQL's protocol")]
pub(super) struct Foreign;

/// Splits one direction of a connection into messages.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The beginning of a message, until enough bytes have arrived.
    begun: Vec<u8>,
    /// The number of bytes of the body that are still missing.
    rest: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Start(Message),
    /// More bytes of the current message's body.
    More(&'a [u8]),
}

/// A message's head, and at most the first [`KEPT`] bytes of its body.
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
    /// Removes the next piece from the input; `None` if the input has no more.
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

/// Takes at most `most` bytes off the input.
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
    }
}
