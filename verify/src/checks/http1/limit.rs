//! The size of a head and of a body is limited.

use super::{PATIENCE_MS, raw, reply, what};
use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict};
use crate::model::exchange::{Ends, Exchange, Piece};
use crate::model::probe::Probe;

pub(super) const HEAD: Check = Check {
    id: "http1.limit.head",
    severity: Severity::Medium,
    needs: Needs::Intrusive,
    rule: "A request head above the declared limit is refused.",
    rationale: "The service holds a head in memory until it is complete: without a limit a few connections fill \
                the memory.",
    remedy: "Answer 431, or 414 for the target, and close. Here: `server.header_limit`. uvicorn: \
             `--h11-max-incomplete-event-size`. Node: `--max-http-header-size`.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc6585#section-5",
        "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.15",
        "https://cwe.mitre.org/data/definitions/770.html",
    ],
    requirements: &["FR-015"],
    ask: |subject| {
        let path = subject.health();
        // Well beyond it: servers count in whole buffers.
        let kibibytes =
            u32::try_from(subject.profile().server.header_limit.get().div_ceil(KIBIBYTE)).unwrap_or(u32::MAX);
        let beyond = kibibytes.saturating_add(16);
        let rest = " HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n";
        let field = vec![
            Piece::Text(format!(
                "GET {path} HTTP/1.1\r\nhost: {{host}}\r\nconnection: close\r\nx-plumbline-long: "
            )),
            Piece::Repeat(kibibyte(), beyond),
            Piece::Text("\r\n\r\n".to_owned()),
        ];
        let target = vec![
            Piece::Text(format!("GET {path}?plumbline=")),
            Piece::Repeat(kibibyte(), beyond),
            Piece::Text(rest.to_owned()),
        ];
        let probe = |what: &str, pieces| {
            let what = format!("with {what} of {beyond} KiB");
            raw(Probe::get(path), what, pieces, Ends::WhenAnswered, PATIENCE_MS)
        };
        Ask::Questions(vec![
            Question::new(probe("a header", field), "server.header_limit"),
            Question::new(probe("a target", target), "server.header_limit"),
        ])
    },
    judge: |_, exchanges| {
        Verdict::of_answers(exchanges, |exchange| {
            refused(exchange, |status| matches!(status, 400 | 413 | 414 | 431))
        })
    },
    passes: &["HTTP/1.1 431 Request Header Fields Too Large", "HTTP/1.1 414 URI Too Long", "(closed)"],
    fails: &["HTTP/1.1 200 OK", "HTTP/1.1 500 Internal Server Error", "HTTP/1.1 404 Not Found"],
};

pub(super) const BODY: Check = Check {
    id: "http1.limit.body",
    severity: Severity::Medium,
    needs: Needs::Intrusive,
    rule: "A body above the declared limit is refused, whether its length is announced or it is streamed.",
    rationale: "A limit on Content-Length alone does not stop a body that is streamed in chunks.",
    remedy: "Count while reading, answer 413 and close. Here: `server.body_limit`. Express: `express.json({ limit })`. \
             FastAPI has no limit of its own: set one in the proxy, or count in a middleware.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.14",
        "https://cwe.mitre.org/data/definitions/770.html",
    ],
    requirements: &["FR-015"],
    ask: |subject| {
        let path = subject.health();
        let limit = subject.profile().server.body_limit.get();
        let kibibytes = u32::try_from(limit.div_ceil(KIBIBYTE)).unwrap_or(u32::MAX).saturating_add(64);
        let head = format!("POST {path} HTTP/1.1\r\nhost: {{host}}\r\ncontent-type: application/json\r\n");
        let announced = vec![Piece::Text(format!("{head}content-length: {}\r\n\r\n", limit + 1))];
        let streamed = vec![
            Piece::Text(format!("{head}transfer-encoding: chunked\r\n\r\n")),
            Piece::Repeat(format!("400\r\n{}\r\n", kibibyte()), kibibytes),
            Piece::Text("0\r\n\r\n".to_owned()),
        ];
        let probe = |what: String, pieces| {
            raw(Probe::new("POST", path), what, pieces, Ends::WhenAnswered, PATIENCE_MS)
        };
        Ask::Questions(vec![
            Question::new(
                probe(format!("with content-length: {}", limit + 1), announced),
                "server.body_limit",
            ),
            Question::new(probe(format!("with {kibibytes} KiB in chunks"), streamed), "server.body_limit"),
        ])
    },
    judge: |_, exchanges| {
        // A path that takes no body may refuse it before its size is known.
        Verdict::of_answers(exchanges, |exchange| {
            refused(exchange, |status| (400..500).contains(&status) || status == 501)
        })
    },
    passes: &["HTTP/1.1 413 Content Too Large", "HTTP/1.1 405 Method Not Allowed", "(closed)"],
    fails: &["HTTP/1.1 200 OK", "HTTP/1.1 500 Internal Server Error"],
};

const KIBIBYTE: u64 = 1024;

fn kibibyte() -> String {
    "p".repeat(1024)
}

fn refused(exchange: &Exchange, right: fn(u16) -> bool) -> Reading {
    let what = what(exchange);
    let reply = match reply(exchange) {
        Ok(reply) => reply,
        Err(why) => return Reading::Unknown(why),
    };
    match reply.responses.first() {
        None if reply.closed => Reading::Holds,
        None => Reading::Unknown(format!("{} {what}: no answer", exchange.request.method)),
        Some(first) => Reading::expect(right(first.status), || {
            format!(
                "{} {} {what} was answered {}",
                exchange.request.method, exchange.request.path, first.status
            )
        }),
    }
}
