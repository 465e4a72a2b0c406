//! One direction of a connection.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, sleep_until};

/// The most bytes in flight in one direction, similar to TCP's windows. The delay must not also limit the bandwidth.
const MOST_QUEUED: usize = 4 * 1024 * 1024;
/// The bytes of one direction, and the time when each part is due.
#[derive(Default)]
pub(super) struct Queue {
    parts: VecDeque<(Instant, Vec<u8>)>,
    /// The number of bytes of the first part that have been written.
    written: usize,
    length: usize,
    /// TLS buffers bytes until it is flushed.
    unflushed: bool,
}

impl Queue {
    pub(super) fn push(&mut self, bytes: Vec<u8>, latency: Duration) {
        if !bytes.is_empty() {
            self.length += bytes.len();
            self.parts.push_back((Instant::now() + latency, bytes));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty() && !self.unflushed
    }

    pub(super) fn has_room(&self) -> bool {
        self.length < MOST_QUEUED
    }

    /// Writes or flushes once; cancel-safe: dropped before its end, it has done nothing.
    pub(super) async fn send(&mut self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        if self.unflushed {
            to.flush().await?;
            self.unflushed = false;
            return Ok(());
        }
        let Some((due, bytes)) = self.parts.front() else { return Ok(()) };
        sleep_until(*due).await;
        let written = to.write(&bytes[self.written..]).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        (self.unflushed, self.written, self.length) = (true, self.written + written, self.length - written);
        if self.written == bytes.len() {
            self.parts.pop_front();
            self.written = 0;
        }
        Ok(())
    }
}
