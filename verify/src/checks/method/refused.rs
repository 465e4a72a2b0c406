//! Methods that must not be obeyed.

use crate::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict};
use crate::probe::Probe;

pub(super) const UNKNOWN: Check = Check {
    id: "method.unknown-refused",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "Unknown methods are refused, and no header overrides the method.",
    rationale: "A filter that lets `GET` through must not be passed by `get`, by an invented word, or by a POST that says it is something else.",
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
        ];
        Ask::Questions(probes.into_iter().map(|probe| Question::new(probe, "health.path")).collect())
    },
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            Reading::expect((400..500).contains(&response.status) || response.status == 501, || {
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

pub(super) const TRACE: Check = Check {
    id: "method.trace-refused",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "TRACE and TRACK are refused, and echo nothing.",
    rationale: "TRACE repeats the request, with cookies and the headers that proxies added, to whoever asks.",
    remedy: "Refuse the methods in the application and in every proxy before it. Express: `app.all` and `app.use` \
             answer TRACE too; let them pass it on. Apache: `TraceEnable off`.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc9110#section-9.3.8",
        "https://cwe.mitre.org/data/definitions/200.html",
    ],
    requirements: &["FR-010", "v5.0.0-13.4.4"],
    ask: |subject| {
        let probes = ["TRACE", "TRACK"].map(|method| {
            Probe::new(method, subject.health()).with("x-plumbline-echo", "plumbline-echo-5d1e")
        });
        Ask::Questions(probes.into_iter().map(|probe| Question::new(probe, "health.path")).collect())
    },
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            let request = &exchange.request;
            if response.body.contains("plumbline-echo-5d1e") {
                return Reading::Broken(format!(
                    "{} {} echoed the request's headers",
                    request.method, request.path
                ));
            }
            Reading::expect(response.status >= 400, || {
                format!("{} {} answered {}", request.method, request.path, response.status)
            })
        })
    },
    passes: &["HTTP/1.1 405 Method Not Allowed", "HTTP/1.1 501 Not Implemented"],
    fails: &["HTTP/1.1 200 OK", "HTTP/1.1 405 Method Not Allowed\n\nx-plumbline-echo: plumbline-echo-5d1e"],
};
