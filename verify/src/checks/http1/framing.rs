//! Requests with an ambiguous end are refused.

use profiles::Family;

use super::{PATIENCE_MS, raw, reply, what};
use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict};
use crate::model::exchange::{Ends, Piece};
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "http1.framing.ambiguous-length",
    severity: Severity::High,
    needs: Needs::Intrusive,
    rule: "A request with an ambiguous end is refused or its connection closed, and the bytes behind it get no \
           answer.",
    rationale: "If a proxy and the service disagree on where a request ends, one of them reads the rest as another \
                client's next request: request smuggling.",
    remedy: "Answer 400 and close the connection when Content-Length meets Transfer-Encoding, when lengths differ, \
             and when a field is folded or misspelt. Use a current HTTP library, and put no proxy before it that \
             repairs requests.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc9112#section-6.3",
        "https://www.rfc-editor.org/rfc/rfc9112#section-7.1",
        "https://www.rfc-editor.org/rfc/rfc9112#section-5.1",
        "https://www.rfc-editor.org/rfc/rfc9112#section-5.2",
        "https://cwe.mitre.org/data/definitions/444.html",
    ],
    requirements: &["FR-016", "v5.0.0-4.2.1"],
    ask: |subject| {
        let path = subject.health();
        let questions = AMBIGUITIES.iter().map(|(what, fields, body)| {
            let text = format!("POST {path} HTTP/1.1\r\nhost: {{host}}\r\n{fields}\r\n{body}{SECOND}");
            let shown = Probe::new("POST", path);
            let probe = raw(shown, *what, vec![Piece::Text(text)], Ends::WhenClosed, PATIENCE_MS);
            Question::new(probe, subject.family(Family::Http1))
        });
        Ask::Questions(questions.collect())
    },
    judge: |_, exchanges| {
        Verdict::of_answers(exchanges, |exchange| {
            let reply = match reply(exchange) {
                Ok(reply) => reply,
                Err(why) => return Reading::Unknown(why),
            };
            let what = what(exchange);
            match reply.responses.as_slice() {
                [] if !reply.closed => {
                    Reading::Unknown(format!("{what}: no answer, and the connection stayed open"))
                }
                [first] if !reply.closed && !REFUSALS.contains(&first.status) => Reading::Broken(format!(
                    "{what}: answered {}, and the connection stayed open for more",
                    first.status
                )),
                [_, second, ..] => Reading::Broken(format!(
                    "{what}: the bytes behind the request were answered as a second one ({})",
                    second.status
                )),
                _ => Reading::Holds,
            }
        })
    },
    passes: &[
        "HTTP/1.1 400 Bad Request",
        "(closed)",
        "HTTP/1.1 501 Not Implemented\n(open)",
        "HTTP/1.1 405 Method Not Allowed",
    ],
    fails: &[
        "HTTP/1.1 405 Method Not Allowed\ncontent-length: 0\n+++\nHTTP/1.1 404 Not Found\ncontent-length: 0",
        "HTTP/1.1 405 Method Not Allowed\ncontent-length: 0\n(open)",
    ],
};

/// Statuses that refuse the message itself, so that the service does not read the bytes behind it.
const REFUSALS: &[u16] = &[400, 411, 413, 431, 501];

/// Bytes that a second reader would parse as a request.
const SECOND: &str = "GET /plumbline-smuggled HTTP/1.1\r\nhost: {host}\r\n\r\n";

/// Name, field lines, and the body before [`SECOND`].
const AMBIGUITIES: &[(&str, &str, &str)] = &[
    (
        "Content-Length and Transfer-Encoding",
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "0\r\n\r\n",
    ),
    ("with two Content-Length lines", "content-length: 0\r\ncontent-length: 48\r\n", ""),
    (
        "a space before the colon of Transfer-Encoding",
        "content-length: 5\r\ntransfer-encoding : chunked\r\n",
        "0\r\n\r\n",
    ),
    ("with an unknown transfer coding", "content-length: 5\r\ntransfer-encoding: xchunked\r\n", "0\r\n\r\n"),
    (
        "with a folded Transfer-Encoding",
        "content-length: 5\r\ntransfer-encoding:\r\n chunked\r\n",
        "0\r\n\r\n",
    ),
    ("with a Content-Length with a sign", "content-length: +0\r\n", ""),
    ("with a chunk whose lines end without CR", "transfer-encoding: chunked\r\n", "1\nx\n0\n\n"),
];
