//! A request has exactly one valid Host.

use profiles::Family;

use super::{PATIENCE_MS, raw, reply, what};
use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict};
use crate::model::exchange::{Ends, Piece};
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "http1.host.missing-or-duplicate",
    severity: Severity::Medium,
    needs: Needs::Intrusive,
    rule: "A request without Host, with two, or with an invalid one is refused.",
    rationale: "Two programs that disagree on the host choose different pages, cache entries or tenants; caches \
                have been poisoned that way.",
    remedy: "Answer 400 before any handler reads the request. Here every route does. Behind uvicorn or Node, \
             let the proxy refuse it: nginx does by itself.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc9112#section-3.2",
        "https://www.rfc-editor.org/rfc/rfc9110#section-7.2",
    ],
    requirements: &["FR-016"],
    ask: |subject| {
        let path = subject.health();
        let questions = LINES.iter().map(|(what, lines)| {
            let text = format!("GET {path} HTTP/1.1\r\n{lines}connection: close\r\n\r\n");
            let probe =
                raw(Probe::get(path), *what, vec![Piece::Text(text)], Ends::WhenAnswered, PATIENCE_MS);
            Question::new(probe, subject.family(Family::Http1))
        });
        Ask::Questions(questions.collect())
    },
    judge: |_, exchanges| {
        Verdict::of_answers(exchanges, |exchange| match reply(exchange) {
            Err(why) => Reading::Unknown(why),
            Ok(reply) => match reply.responses.first() {
                // Closing without an answer is a refusal too.
                None if reply.closed => Reading::Holds,
                None => {
                    Reading::Unknown(format!("GET {} {}: no answer", exchange.request.path, what(exchange)))
                }
                Some(first) => Reading::expect((400..500).contains(&first.status), || {
                    format!(
                        "GET {} {} was answered {}, not 400",
                        exchange.request.path,
                        what(exchange),
                        first.status
                    )
                }),
            },
        })
    },
    passes: &["HTTP/1.1 400 Bad Request", "(closed)"],
    fails: &["HTTP/1.1 200 OK", "HTTP/1.1 500 Internal Server Error", "HTTP/1.1 301 Moved Permanently"],
};

/// Not spelled `host: {host}` and CRLF: the caller's own headers go with sound requests only.
const LINES: &[(&str, &str)] = &[
    ("without Host", ""),
    ("with two Host lines", "Host: {host}\r\nHost: plumbline-probe.evil.example\r\n"),
    ("with an invalid Host", "Host: plumbline-probe.evil.example/path\r\n"),
];
