//! HTTP/1.1 on the wire: probes that need raw bytes.

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

/// Raw probes are sent together, after all probes of an ordinary client.
const ROUND: u8 = 2;

/// Long enough for a second answer to come, or for the connection to be closed after the first.
const PATIENCE_MS: u64 = 1_000;

/// A raw probe; findings show its method, path and `what`.
fn raw(shown: Probe, what: impl Into<String>, pieces: Vec<Piece>, ends: Ends, patience_ms: u64) -> Probe {
    shown.by(Means::Raw(Raw { what: what.into(), pieces, ends, patience_ms })).in_round(ROUND)
}

/// The description of a raw probe.
fn what(exchange: &Exchange) -> &str {
    match &exchange.request.means {
        Means::Raw(raw) => &raw.what,
        _ => "",
    }
}

/// The reply, unless it proves nothing: there was no connection, or a rate limiter answered.
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
