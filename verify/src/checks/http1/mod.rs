//! HTTP/1.1 on the wire: what only raw bytes can ask.

mod framing;
mod host;
mod host_line;
mod limit;
mod slow;

use crate::model::check::Check;
use crate::model::exchange::{Answer, Ends, Exchange, Means, Piece, Raw, RawReply};
use crate::model::probe::Probe;

pub(super) const CHECKS: &[&Check] =
    &[&host::NOT_TRUSTED, &host_line::CHECK, &framing::CHECK, &limit::HEAD, &limit::BODY, &slow::CHECK];

/// Raw probes are sent together, after everything that a client could have sent.
const ROUND: u8 = 2;

/// Long enough for a second answer to come, or for the connection to be closed after the first.
const PATIENCE_MS: u64 = 1_000;

/// A raw probe; method, path and `what` are what findings show of it.
fn raw(shown: Probe, what: impl Into<String>, pieces: Vec<Piece>, ends: Ends, patience_ms: u64) -> Probe {
    shown.by(Means::Raw(Raw { what: what.into(), pieces, ends, patience_ms })).in_round(ROUND)
}

/// What was special about a raw probe.
fn what(exchange: &Exchange) -> &str {
    match &exchange.request.means {
        Means::Raw(raw) => &raw.what,
        _ => "",
    }
}

/// What came back, unless it says nothing: there was no connection, or a rate limiter answered.
fn reply(exchange: &Exchange) -> Result<&RawReply, String> {
    let request = &exchange.request;
    match &exchange.answer {
        Answer::Raw(reply) => match reply.responses.first() {
            Some(first) if first.status == 429 => {
                Err(format!("{} {} was rate limited (429)", request.method, request.path))
            }
            _ => Ok(reply),
        },
        other => Err(format!("{} {}: {}", request.method, request.path, other.missing())),
    }
}
