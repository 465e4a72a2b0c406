//! Methods that must be refused.

use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Subject, Verdict};
use crate::model::exchange::{Ends, Means, Piece, Raw, Request};
use crate::model::probe::Probe;

pub(super) const UNKNOWN: Check = Check {
    id: "method.unknown-refused",
    severity: Severity::Low,
    needs: Needs::Nothing,
    rule: "Unknown methods are refused, and no header overrides the method.",
    rationale: "A filter that allows `GET` must not be bypassed by `get`, by an invented method, or by a POST with \
                a header that names another method.",
    remedy: "Compare methods case-sensitively, answer 501 or 405 to the others, and switch method overriding off. \
             Express: remove the `method-override` middleware.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc9110#section-9.1",
        "https://www.rfc-editor.org/rfc/rfc9110#section-15.6.2",
    ],
    requirements: &["FR-010", "v5.0.0-4.1.4"],
    ask: |subject| {
        let path = subject.health();
        let probes = [
            Probe::new("PLUMBLINE", path),
            Probe::new("get", path),
            Probe::new("POST", path).with("x-http-method-override", "GET"),
            Probe::new("POST", path),
        ];
        Ask::Questions(probes.into_iter().map(|probe| Question::new(probe, "health.path")).collect())
    },
    judge: |_, exchanges| {
        let post = exchanges.iter().find(|exchange| is_plain_post(&exchange.request));
        let post = post.and_then(|post| post.response().ok()).map(|response| response.status);
        Verdict::of_each(exchanges, |exchange, response| {
            let refused = (400..500).contains(&response.status) || response.status == 501;
            // The path may serve POST; the question is whether a header turns it into another method.
            let as_post = exchange.request.method == "POST" && Some(response.status) == post;
            Reading::expect(refused || as_post, || {
                let overridden = if exchange.request.header("x-http-method-override").is_some() {
                    " with x-http-method-override: GET"
                } else {
                    ""
                };
                format!(
                    "{} {}{overridden} answered {}",
                    exchange.request.method, exchange.request.path, response.status
                )
            })
        })
    },
    passes: &["HTTP/1.1 501 Not Implemented", "HTTP/1.1 405 Method Not Allowed", "HTTP/1.1 400 Bad Request"],
    fails: &["HTTP/1.1 200 OK", "HTTP/1.1 500 Internal Server Error"],
};

pub(super) const TRACE_CONNECT: Check = Check {
    id: "method.trace-connect-refused",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "TRACE, TRACK and CONNECT are refused, and echo nothing.",
    rationale: "TRACE sends the request back, with cookies and the headers that proxies added; CONNECT opens a \
                tunnel to hosts that only the service should reach.",
    remedy: "Refuse the methods in the application and in every proxy before it. Express: `app.all` and `app.use` \
             answer TRACE too; let them pass it on. Apache: `TraceEnable off`.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc9110#section-9.3.8",
        "https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6",
        "https://cwe.mitre.org/data/definitions/200.html",
    ],
    requirements: &["FR-010", "v5.0.0-13.4.4"],
    ask: |subject| {
        let probes = ["TRACE", "TRACK"].map(|method| {
            Probe::new(method, subject.health()).with("x-plumbline-echo", "plumbline-echo-5d1e")
        });
        let probes = probes.into_iter().chain([connect(subject)]);
        Ask::Questions(probes.map(|probe| Question::new(probe, "health.path")).collect())
    },
    judge: |_, exchanges| {
        Verdict::of_each_answered(exchanges, |exchange, response| {
            let request = &exchange.request;
            if request.method == "CONNECT" {
                return vec![Reading::expect(!(200..300).contains(&response.status), || {
                    format!("CONNECT to the service itself answered {}", response.status)
                })];
            }
            vec![
                Reading::expect(!response.body.contains("plumbline-echo-5d1e"), || {
                    format!("{} {} echoed the request's headers", request.method, request.path)
                }),
                Reading::expect(response.status >= 400, || {
                    format!("{} {} answered {}", request.method, request.path, response.status)
                }),
            ]
        })
    },
    passes: &["HTTP/1.1 405 Method Not Allowed", "HTTP/1.1 501 Not Implemented"],
    fails: &["HTTP/1.1 200 OK", "HTTP/1.1 405 Method Not Allowed\n\nx-plumbline-echo: plumbline-echo-5d1e"],
};

fn is_plain_post(request: &Request) -> bool {
    request.method == "POST" && request.headers.is_empty()
}

/// A tunnel to the service's own port, which it can certainly reach (RFC 9110 section 9.3.6).
fn connect(subject: &Subject<'_>) -> Probe {
    let target = &subject.target;
    let port = target.port().unwrap_or(target.scheme().default_port());
    let head =
        format!("CONNECT {}:{port} HTTP/1.1\r\nhost: {{host}}\r\nconnection: close\r\n\r\n", target.host());
    let patience_ms = subject.profile().verify.timeout.millis();
    Probe::new("CONNECT", "/").by(Means::Raw(Raw {
        what: String::new(),
        pieces: vec![Piece::Text(head)],
        ends: Ends::WhenAnswered,
        patience_ms,
    }))
}
