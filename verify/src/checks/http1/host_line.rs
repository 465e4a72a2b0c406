//! A request says once, and properly, which host it is for.

use super::{PATIENCE_MS, heard, raw};
use crate::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict};
use crate::exchange::{Ends, Piece};
use crate::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "http1.host.missing-or-duplicate",
    severity: Severity::Medium,
    needs: Needs::Intrusive,
    rule: "A request without Host, with two, or with an invalid one is refused.",
    rationale: "Two programs that disagree on the host disagree on whose page, cache entry or tenant it is; caches \
                have been poisoned that way.",
    remedy: "Answer 400 before anything reads the request. Here it is done for every route. Behind uvicorn or Node, \
             let the proxy refuse it: nginx does by itself.",
    references: &["https://www.rfc-editor.org/rfc/rfc9112#section-3.2"],
    requirements: &["FR-016"],
    ask: |subject| {
        let path = subject.health();
        Ask::Questions(
            LINES
                .iter()
                .map(|lines| {
                    let text = format!("GET {path} HTTP/1.1\r\n{lines}connection: close\r\n\r\n");
                    let shown = lines
                        .split("\r\n")
                        .filter_map(|line| line.split_once(": "))
                        .fold(Probe::get(path), |probe, (name, value)| probe.with(name, value));
                    Question::new(
                        raw(shown, vec![Piece::Text(text)], Ends::WhenAnswered, PATIENCE_MS),
                        "verify.families",
                    )
                })
                .collect(),
        )
    },
    judge: |_, exchanges| {
        Verdict::of_answers(exchanges, |exchange| match heard(exchange) {
            Err(why) => Reading::Unknown(why),
            Ok(heard) => match heard.responses.first() {
                // Closing without a word refuses as well.
                None if heard.closed => Reading::Holds,
                None => Reading::Unknown(format!("{} got no answer", sent(exchange))),
                Some(first) => Reading::expect((400..500).contains(&first.status), || {
                    format!(
                        "GET {} {} was answered {}, not 400",
                        exchange.request.path,
                        sent(exchange),
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
const LINES: &[&str] = &[
    "",
    "Host: {host}\r\nHost: plumbline-probe.evil.example\r\n",
    "Host: plumbline-probe.evil.example/path\r\n",
];

fn sent(exchange: &crate::exchange::Exchange) -> &'static str {
    match exchange.request.headers.len() {
        0 => "without Host",
        1 => "with an invalid Host",
        _ => "with two Host lines",
    }
}
