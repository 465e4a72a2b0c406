//! One HTTP/2 request as handwritten frames: libraries refuse to send fields that HTTP/2 forbids.
#![allow(clippy::disallowed_methods, reason = "probing is I/O and takes time")]

use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::http::with_protocols;
use super::wire::Wire;
use crate::model::exchange::{RawReply, Request, Response};
use crate::model::missing::{Malformed, Missing, Phase};
use crate::model::tls::TlsFailure;

/// Frame types (RFC 9113 section 6).
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
/// Flags: of HEADERS the ends of the stream and of the block, of SETTINGS the acknowledgement.
const END_STREAM_AND_HEADERS: u8 = 0x5;
const ACK: u8 = 0x1;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

/// The most frames to read before the answer.
const MOST: usize = 32;

/// Sends the request with its fields as they stand. A refused stream or connection is closed without an answer.
pub(super) async fn ask(wire: &Wire, request: &Request) -> Result<RawReply, Missing> {
    let tcp = wire.tcp().await?;
    let mut stream = wire.secured(tcp, Arc::new(with_protocols(wire.tls(), &[b"h2"]))).await?;
    if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
        return Err(wire.peer().tls(TlsFailure::NoCommonProtocol));
    }
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    sent.extend(frame(SETTINGS, 0, 0, &[]));
    sent.extend(frame(HEADERS, END_STREAM_AND_HEADERS, 1, &block(wire, request)));
    let failed = |error: std::io::Error| wire.peer().io(&error, Phase::Head);
    stream.write_all(&sent).await.map_err(failed)?;
    stream.flush().await.map_err(failed)?;

    let taken = sent.len() as u64;
    let refused = RawReply { responses: Vec::new(), closed: true, taken };
    let answer = async {
        for _ in 0..MOST {
            let mut head = [0; 9];
            if stream.read_exact(&mut head).await.is_err() {
                return Ok(refused.clone());
            }
            let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
            let mut payload = vec![0; length];
            if stream.read_exact(&mut payload).await.is_err() {
                return Ok(refused.clone());
            }
            match (head[3], head[4]) {
                (RST_STREAM | GOAWAY, _) => return Ok(refused.clone()),
                (SETTINGS, 0) => {
                    let _ = stream.write_all(&frame(SETTINGS, ACK, 0, &[])).await;
                    let _ = stream.flush().await;
                }
                (HEADERS, flags) => {
                    let status = status(unpadded(&payload, flags));
                    let status = status.ok_or_else(|| wire.peer().malformed(Malformed::Status))?;
                    let response = Response { status, headers: Vec::new(), body: String::new() };
                    return Ok(RawReply { responses: vec![response], closed: false, taken });
                }
                _ => {}
            }
        }
        Err(wire.peer().malformed(Malformed::Frames))
    };
    timeout(wire.timeout(), answer).await.unwrap_or_else(|_| Err(wire.peer().late(Phase::Head)))
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("these frames are small").to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
}

/// The header block, every field a literal without indexing (RFC 7541 section 6.2.2).
fn block(wire: &Wire, request: &Request) -> Vec<u8> {
    let pseudo = [
        (":method", request.method.as_str()),
        (":scheme", "https"),
        (":authority", wire.authority()),
        (":path", request.path.as_str()),
    ];
    let private = wire.private();
    let fields = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    pseudo
        .into_iter()
        .chain(private)
        .chain(fields)
        .flat_map(|(name, value)| [&[0][..], &text(name), &text(value)].concat())
        .collect()
}

/// A string without Huffman coding (RFC 7541 section 5.2).
fn text(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    match text.len() {
        length @ 0..127 => bytes.push(u8::try_from(length).expect("below 127")),
        mut length => {
            bytes.push(127);
            length -= 127;
            while length >= 128 {
                bytes.push(u8::try_from(length % 128 + 128).expect("below 256"));
                length /= 128;
            }
            bytes.push(u8::try_from(length).expect("below 128"));
        }
    }
    bytes.extend(text.bytes());
    bytes
}

fn unpadded(payload: &[u8], flags: u8) -> &[u8] {
    let skipped = usize::from(flags & PADDED != 0) + if flags & PRIORITY == 0 { 0 } else { 5 };
    payload.get(skipped..).unwrap_or_default()
}

/// `:status`, which comes first: an entry of the static table, or a literal of three digits.
fn status(mut block: &[u8]) -> Option<u16> {
    while let [0x20..=0x3f, rest @ ..] = block {
        block = rest; // a change of the table's size
    }
    match block {
        [indexed @ 0x88..=0x8e, ..] => Some([200, 204, 206, 304, 400, 404, 500][usize::from(indexed - 0x88)]),
        // The name is entry 8 to 14 of the static table, all of them `:status`.
        [0x48..=0x4e | 0x08..=0x0e | 0x18..=0x1e, length, rest @ ..] => {
            let value = rest.get(..usize::from(length & 0x7f))?;
            let digits =
                if length & 0x80 == 0 { String::from_utf8(value.to_vec()).ok()? } else { huffman(value) };
            digits.parse().ok()
        }
        _ => None,
    }
}

/// Digits in the code of RFC 7541 appendix B: 0 to 2 have five bits, 3 to 9 six.
fn huffman(bytes: &[u8]) -> String {
    let mut digits = String::new();
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let number = |bits: &[u8]| bits.iter().fold(0_u8, |number, bit| number << 1 | bit);
    let mut bits = bits.as_slice();
    while bits.len() >= 5 {
        let short = number(&bits[..5]);
        let (digit, length) = match (short, bits.get(..6).map(number)) {
            (0..=2, _) => (short, 5),
            (_, Some(long @ 25..=31)) => (long - 22, 6),
            _ => break, // padding
        };
        digits.push(char::from(b'0' + digit));
        bits = &bits[length..];
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_however_it_is_written() {
        assert_eq!(status(&[0x88, 1, 2]), Some(200));
        assert_eq!(status(&[0x3f, 0x8c]), Some(400));
        assert_eq!(status(&[0x48, 3, b'4', b'0', b'5']), Some(405));
        // `405` in Huffman code: 011010 00000 011011, filled with ones.
        assert_eq!(status(&[0x08, 0x83, 0b0110_1000, 0b0000_1101, 0b1111_1111]), Some(405));
        assert_eq!(status(&[0x40, 1, b'x']), None);
        assert_eq!(status(&[]), None);
    }

    #[test]
    fn long_text_has_a_long_length() {
        assert_eq!(text("abc"), [3, b'a', b'b', b'c']);
        assert_eq!(text(&"p".repeat(200))[..3], [127, 73, b'p']);
        assert_eq!(text(&"p".repeat(300))[..3], [127, 128 + 45, 1]);
    }
}
