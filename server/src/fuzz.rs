//! The pure decisions without a socket, for the targets in `fuzz/`. Not a stable interface.

use std::cell::RefCell;
use std::convert::Infallible;
use std::future::{Future as _, pending};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::service::service_fn;
use profiles::Server;

use crate::connection::http1;
use crate::connection::socket::Turn;
use crate::policy::cors::{Cors, Decision};
use crate::request::framing::Framing;
use crate::request::head::Head;
use crate::response::refusal::Refusal;

/// A CORS policy.
pub struct CorsPolicy(Cors);

impl CorsPolicy {
    pub fn new(policy: &profiles::Cors) -> Self {
        Self(Cors::new(policy))
    }

    /// The CORS headers of the answer; none where a preflight is refused.
    pub fn answer(&self, request: Request<()>) -> Option<HeaderMap> {
        let (head, ()) = Head::split(request);
        let decision = self.0.decide(&head, &head.fields());
        if decision == Decision::Refused {
            return None;
        }
        let mut headers = HeaderMap::new();
        self.0.write(decision, &mut headers);
        Some(headers)
    }
}

/// The outcome of the first head on a connection.
pub enum Outcome {
    /// The head is accepted.
    Served(Head),
    /// Hyper parsed the head, and the policy refuses it.
    Refused(Head, Refusal),
    /// There is no request: hyper answers with this status, or waits for more bytes.
    Malformed(Option<StatusCode>),
}

/// Sends these bytes, in these parts, and keeps the connection open.
pub fn hear(parts: &[&[u8]], limits: &Server) -> Outcome {
    let turn = Turn::default();
    let (begun, answer) = (RefCell::new(None), RefCell::new(Vec::new()));
    let client = ScriptedClient { parts, turn: &turn, framing: Framing::default(), answer: &answer };
    let service = service_fn(|request| {
        *begun.borrow_mut() = Some((turn.begin(), request));
        pending::<Result<Response<Empty<Bytes>>, Infallible>>()
    });
    let mut connection = pin!(http1::http(limits).serve_connection(client, service));
    // Poll again: hyper yields to other tasks.
    for _ in 0..4 {
        if connection.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            break;
        }
    }
    let Some((framing_error, request)) = begun.take() else {
        let status =
            answer.borrow().strip_prefix(b"HTTP/1.1 ").and_then(|bare| bare.get(..3)?.try_into().ok());
        return Outcome::Malformed(status);
    };
    let (head, _body) = Head::split(request);
    // The same order as in `Policy::evaluate`.
    match head
        .check(&head.fields(), limits)
        .and_then(|()| framing_error.map_or(Ok(()), |framing_error| Err(framing_error.into())))
    {
        Ok(()) => Outcome::Served(head),
        Err(refusal) => Outcome::Refused(head, refusal),
    }
}

/// The client's side of the connection, as the socket observes it.
struct ScriptedClient<'c> {
    parts: &'c [&'c [u8]],
    turn: &'c Turn,
    framing: Framing,
    answer: &'c RefCell<Vec<u8>>,
}

impl Read for ScriptedClient<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let [part, rest @ ..] = self.parts else { return Poll::Pending };
        assert!(part.len() <= buffer.remaining(), "a part is smaller than hyper's buffer");
        buffer.put_slice(part);
        self.parts = rest;
        let Self { turn, framing, .. } = &mut *self;
        turn.hear(framing, part);
        Poll::Ready(Ok(()))
    }
}

impl Write for ScriptedClient<'_> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.answer.borrow_mut().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
