//! Slow requests time out.

use super::{raw, reply, what};
use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict};
use crate::model::exchange::{Ends, Piece};
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "http1.slow.headers-and-body",
    severity: Severity::Medium,
    needs: Needs::Intrusive,
    rule: "A connection that sends its request slowly is closed after the declared time.",
    rationale: "A few hundred such connections use up a service that waits for them, at no cost to the sender \
                (slowloris).",
    remedy: "Bound the time from the first byte to the last, not the pause between two. Here: `server.header_timeout` \
             and `server.request_timeout`. Node: `server.headersTimeout` and `server.requestTimeout`. uvicorn has no \
             such limit: put a proxy before it (nginx: `client_header_timeout`).",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc9112#section-9.5",
        "https://cwe.mitre.org/data/definitions/400.html",
    ],
    requirements: &["FR-015"],
    ask: |subject| {
        let server = &subject.profile().server;
        let path = subject.health();
        let head = format!("GET {path} HTTP/1.1\r\nhost: {{host}}\r\n");
        let with_body = format!(
            "POST {path} HTTP/1.1\r\nhost: {{host}}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n"
        );
        let headers = trickle(head, "x-plumbline-slow: 1\r\n", server.header_timeout.millis());
        let body = trickle(with_body, " ", server.request_timeout.millis());
        let probe = |method: &str, what: &str, pieces| {
            raw(Probe::new(method, path), what, pieces, Ends::WhenAnswered, SLACK_MS)
        };
        Ask::Questions(vec![
            Question::new(probe("GET", "a header line at a time", headers), "server.header_timeout"),
            Question::new(probe("POST", "a byte of the body at a time", body), "server.request_timeout"),
        ])
    },
    judge: |_, exchanges| {
        Verdict::of_answers(exchanges, |exchange| {
            let what = what(exchange);
            match reply(exchange) {
                Err(why) => Reading::Unknown(why),
                // An answer before the request is complete ends the waiting as well.
                Ok(reply) => Reading::expect(reply.closed || !reply.responses.is_empty(), || {
                    format!(
                        "{} {}, {what}, was still waited for after {} ms",
                        exchange.request.method, exchange.request.path, exchange.elapsed_ms
                    )
                }),
            }
        })
    },
    passes: &["HTTP/1.1 408 Request Timeout", "(closed)", "HTTP/1.1 405 Method Not Allowed\n(open)"],
    fails: &["(open)"],
};

/// The delay after the declared time within which a connection must be closed.
const SLACK_MS: u64 = 2_000;

/// The beginning of a request, then small pieces of the rest until the limit expires.
fn trickle(first: String, each: &str, limit_ms: u64) -> Vec<Piece> {
    let pause_ms = (limit_ms / 10).max(50);
    let times = u32::try_from(limit_ms.div_ceil(pause_ms)).unwrap_or(u32::MAX);
    vec![Piece::Text(first), Piece::Trickle { text: each.to_owned(), times, pause_ms }]
}
