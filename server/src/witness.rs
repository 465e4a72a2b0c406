//! What hyper keeps to itself: whether a request said both Transfer-Encoding and Content-Length.
//!
//! Hyper follows RFC 9112 section 6.3, drops the length and passes the request on as if it had been clear. But
//! a proxy in front that chose the length would see two requests where we see one, so we refuse (section 6.1).

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use http::Request;
use http::header::TRANSFER_ENCODING;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A connection whose heads are looked at as they pass.
pub(crate) struct Witness {
    stream: TcpStream,
    seen: Seen,
    /// The start of a line that a read has cut.
    line: Vec<u8>,
}

/// What has been seen of the current request, shared with the connection's service.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<AtomicU8>);

/// A mark on the request: nobody can say where it ends.
#[derive(Clone)]
pub(crate) struct Ambiguous;

const HEAD: u8 = 0;
const HEAD_WITH_LENGTH: u8 = 1;
const AFTER: u8 = 2;
const AFTER_WITH_LENGTH: u8 = 3;

const LENGTH: &[u8] = b"content-length";

impl Witness {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, seen: Seen::default(), line: Vec::new() }
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.clone()
    }

    fn look(&mut self, bytes: &[u8]) {
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.seen.is_after_head() {
                self.line.clear();
                return;
            }
            // No more than a name's start is kept, however long the line is.
            let missing = (LENGTH.len() + 1).saturating_sub(self.line.len()).min(line.len());
            self.line.extend_from_slice(&line[..missing]);
            if line.ends_with(b"\n") {
                self.seen.line(&self.line);
                self.line.clear();
            }
        }
    }
}

impl Seen {
    /// Marks a request that said both. A chunked one whose head came in one piece with the request before it
    /// was not seen, and is marked as well: nobody but an attacker sends that.
    pub(crate) fn mark<B>(&self, request: &mut Request<B>) {
        let clear = self.0.load(Ordering::Relaxed) == AFTER;
        if !clear && request.headers().contains_key(TRANSFER_ENCODING) {
            request.extensions_mut().insert(Ambiguous);
        }
    }

    /// The answer is made: the next bytes are another head.
    pub(crate) fn answered(&self) {
        self.0.store(HEAD, Ordering::Relaxed);
    }

    fn is_after_head(&self) -> bool {
        matches!(self.0.load(Ordering::Relaxed), AFTER | AFTER_WITH_LENGTH)
    }

    fn line(&self, start: &[u8]) {
        let length = self.0.load(Ordering::Relaxed) == HEAD_WITH_LENGTH;
        let next = match start {
            b"\r\n" | b"\n" if length => AFTER_WITH_LENGTH,
            b"\r\n" | b"\n" => AFTER,
            _ if is_length(start) => HEAD_WITH_LENGTH,
            _ => return,
        };
        self.0.store(next, Ordering::Relaxed);
    }
}

fn is_length(line: &[u8]) -> bool {
    line.get(..LENGTH.len()).is_some_and(|name| name.eq_ignore_ascii_case(LENGTH))
        && line.get(LENGTH.len()) == Some(&b':')
}

impl AsyncRead for Witness {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.look(&buffer.filled()[before..]);
        polled
    }
}

impl AsyncWrite for Witness {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
