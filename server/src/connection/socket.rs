//! A connection's socket: the deadlines of its client, and the framing errors that hyper accepts silently.
//!
//! hyper has one deadline for a head and for the time between two requests. Behind a proxy these must differ: a
//! head arrives at once or never, and an idle connection may stay open for a minute.

use std::fmt::Write as _;
use std::future::Future as _;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::app::App;
use crate::connection::places::Place;
use crate::request::framing::{Framing, FramingError};
use crate::service::drain::Drain;

/// Whose turn it is on a connection: the service marks begin and end of its turn, the socket the client's bytes.
#[derive(Default)]
pub(crate) struct Turn {
    phase: AtomicU8,
    /// The framing error of the last head.
    framing_error: AtomicU8,
}

/// The deadlines of a client.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    /// To send a head, and to begin the first one.
    pub(crate) head: Duration,
    /// To begin the next one.
    pub(crate) keep_alive: Duration,
    /// To read an answer, once it does not keep up.
    pub(crate) write: Duration,
}

/// How long a client may take to begin a request once the service drains, on a new connection or an idle one.
///
/// An immediate close would lose requests that were sent before their client could learn of the drain. This leaves time
/// for a round trip and a pause of the client, so that a busy client learns of it by its next answer
/// (`connection: close`); a spare, silent connection of a browser or a pool delays the end by no more than this.
const LAST_WORD: Duration = Duration::from_secs(1);

/// How long a closed connection still reads and drops its client's bytes. RFC 9112 section 9.6: closing a connection
/// with unread bytes resets it, and the reset may reach the client before it has read its answer.
const LINGER: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Phase {
    /// No byte of the first request has arrived.
    New,
    /// A part of a head has arrived.
    Head,
    /// A request is being handled, under the service's deadlines.
    Service,
    /// The last request is answered, and no byte has arrived since.
    Answered,
}

pub(crate) struct Socket {
    stream: TcpStream,
    turn: Arc<Turn>,
    patience: Patience,
    app: Arc<App>,
    place: Arc<Place>,
    framing: Framing,
    /// The deadline for the client's next bytes, and the phase in which it was set.
    heard_by: Option<(Phase, Instant)>,
    /// Written bytes are not flushed yet: the client is still reading an answer.
    answering: bool,
    written_by: Option<Instant>,
    /// Nothing more is read: the client has closed its side, or its deadline has passed.
    is_ended: bool,
    /// The end of the reading on a closed connection.
    lingers_until: Option<Instant>,
    /// One timer for all deadlines. It is never postponed, only checked when it fires: a busy connection costs no timer
    /// per request.
    timer: Option<Pin<Box<Sleep>>>,
}

/// How long a client may take to begin a request.
fn to_begin(usual: Duration, drain: &Drain) -> Duration {
    if drain.has_begun() { usual.min(LAST_WORD) } else { usual }
}

impl Turn {
    /// Starts the service's turn, and returns the framing error of its head.
    pub(crate) fn begin(&self) -> Option<FramingError> {
        self.set(Phase::Service);
        FramingError::of(self.framing_error.swap(0, Ordering::Relaxed))
    }

    /// Records received bytes; the turn tells whether they begin a head.
    pub(crate) fn hear(&self, framing: &mut Framing, bytes: &[u8]) {
        match self.phase() {
            // The rest of a body, and perhaps a following head.
            Phase::Service => return framing.lose(),
            Phase::Head => framing.read(bytes),
            Phase::New | Phase::Answered => {
                self.set(Phase::Head);
                framing.begin(bytes);
            }
        }
        self.framing_error.store(framing.flaw(), Ordering::Relaxed);
    }

    /// Ends the service's turn: it has answered.
    pub(crate) fn end(&self) {
        self.set(Phase::Answered);
    }

    fn set(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::New,
            1 => Phase::Head,
            2 => Phase::Service,
            _ => Phase::Answered,
        }
    }
}

impl Socket {
    pub(crate) fn new(
        stream: TcpStream,
        turn: Arc<Turn>,
        patience: Patience,
        app: Arc<App>,
        place: Arc<Place>,
    ) -> Self {
        Self {
            stream,
            turn,
            patience,
            app,
            place,
            framing: Framing::default(),
            heard_by: None,
            answering: false,
            written_by: None,
            is_ended: false,
            lingers_until: None,
            timer: None,
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        if matches!(self.turn.phase(), Phase::New | Phase::Answered) {
            self.heard_by = None;
            self.place.works();
        }
        self.turn.hear(&mut self.framing, bytes);
    }

    /// No bytes arrived. `Ready` when the deadline has passed: an empty read, which ends the connection.
    fn await_client(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let phase = self.turn.phase();
        let patience = match phase {
            Phase::Service => return Poll::Pending,
            Phase::Answered if self.answering => return Poll::Pending,
            Phase::Head => self.patience.head,
            Phase::New => to_begin(self.patience.head, self.app.drain()),
            Phase::Answered => to_begin(self.patience.keep_alive, self.app.drain()),
        };
        let by = Instant::now() + patience;
        let by = match self.heard_by {
            // The drain shortens a running deadline.
            Some((decided, earlier)) if decided == phase => earlier.min(by),
            _ => by,
        };
        let begins_to_wait = self.heard_by.is_none_or(|(decided, _)| decided != phase);
        self.heard_by = Some((phase, by));
        if phase != Phase::Head {
            if begins_to_wait {
                self.place.waits();
            }
            if self.place.is_wanted() {
                return if self.something_waits() { Poll::Pending } else { Poll::Ready(Ok(())) };
            }
        }
        if !self.rings(by, cx) {
            return Poll::Pending;
        }
        if phase != Phase::Head {
            return Poll::Ready(Ok(()));
        }
        // RFC 9110 section 15.5.9. A single write without a retry: this client is already late.
        let _ = self.stream.try_write(&self.refusal(StatusCode::REQUEST_TIMEOUT));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the head took too long")))
    }

    /// Whether the kernel has bytes to read: tokio notices them only at its next poll.
    fn something_waits(&self) -> bool {
        SockRef::from(&self.stream).peek(&mut [MaybeUninit::uninit()]).is_ok_and(|waiting| waiting > 0)
    }

    /// No byte could be written.
    fn await_reader(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let by = *self.written_by.get_or_insert_with(|| Instant::now() + self.patience.write);
        if !self.rings(by, cx) {
            return Poll::Pending;
        }
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client did not read its answer")))
    }

    fn rings(&mut self, by: Instant, cx: &mut Context<'_>) -> bool {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(by)));
        if by < timer.deadline() {
            timer.as_mut().reset(by);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= by {
                return true;
            }
            timer.as_mut().reset(by);
        }
        false
    }

    /// Before the service has a request, only hyper writes: a bare answer to a malformed head. The client gets that
    /// status in the form of every other refusal.
    fn dress(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        if !matches!(self.turn.phase(), Phase::New | Phase::Head) {
            return None;
        }
        let bare = bytes.strip_prefix(b"HTTP/1.1 ").filter(|_| bytes.ends_with(b"\r\n\r\n"))?;
        let status = StatusCode::from_bytes(bare.get(..3)?).ok().filter(StatusCode::is_client_error)?;
        Some(self.refusal(status))
    }

    /// The complete message, in place of hyper's.
    fn refusal(&self, status: StatusCode) -> Vec<u8> {
        let (parts, body) = self.app.refuse_malformed(status).into_parts();
        let reason = status.canonical_reason().unwrap_or_default();
        let mut head = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16());
        for (name, value) in &parts.headers {
            // The service's own values, all of them text.
            let _ = write!(head, "{name}: {}\r\n", value.to_str().unwrap_or_default());
        }
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now()).unwrap_or_default();
        let length = body.len();
        let _ = write!(head, "date: {date}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        let mut message = head.into_bytes();
        message.extend_from_slice(&body);
        message
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            Poll::Ready(Ok(())) => {
                let bytes = &buffer.filled()[before..];
                if bytes.is_empty() {
                    self.is_ended = true;
                } else {
                    self.hear(bytes);
                }
                Poll::Ready(Ok(()))
            }
            Poll::Pending => {
                let waited = self.await_client(cx);
                self.is_ended |= waited.is_ready();
                waited
            }
            failed @ Poll::Ready(Err(_)) => failed,
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(dressed) = self.dress(bytes) {
            let _ = self.stream.try_write(&dressed);
            return Poll::Ready(Ok(bytes.len()));
        }
        self.answering = true;
        match Pin::new(&mut self.stream).poll_write(cx, bytes) {
            Poll::Pending => self.await_reader(cx),
            written @ Poll::Ready(_) => written,
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [bytes] = slices
            && let Some(dressed) = self.dress(bytes)
        {
            let _ = self.stream.try_write(&dressed);
            return Poll::Ready(Ok(bytes.len()));
        }
        self.answering = true;
        match Pin::new(&mut self.stream).poll_write_vectored(cx, slices) {
            Poll::Pending => self.await_reader(cx),
            written @ Poll::Ready(_) => written,
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes once an answer is written completely. It does not read again if an earlier read was empty, so the
    /// time until the next request begins here.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.written_by = None;
        self.answering = false;
        let timed = self.heard_by.is_some_and(|(decided, _)| decided == Phase::Answered);
        if !timed && self.turn.phase() == Phase::Answered {
            // If its deadline has passed already, the next read reports it.
            if self.await_client(cx).is_ready() {
                cx.waker().wake_by_ref();
            }
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Closes the service's side, then the connection once the client has closed its own; further requests are dropped.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let until = if let Some(until) = self.lingers_until {
            until
        } else {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            *self.lingers_until.insert(Instant::now() + LINGER)
        };
        while !self.is_ended {
            let mut dropped = [0; 4096];
            let mut dropped = ReadBuf::new(&mut dropped);
            match Pin::new(&mut self.stream).poll_read(cx, &mut dropped) {
                Poll::Ready(Ok(())) if !dropped.filled().is_empty() && Instant::now() < until => {}
                Poll::Pending if !self.rings(until, cx) => return Poll::Pending,
                _ => self.is_ended = true,
            }
        }
        Poll::Ready(Ok(()))
    }
}
