//! Caches must know that the answer depends on the origin.

use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict};
use crate::model::exchange::Exchange;
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "cors.actual.vary-origin",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "Where the grant depends on the origin, every answer has `Vary: Origin`, also to a request without Origin.",
    rationale: "A cache that stored the answer without a grant serves it to an allowed page, which then fails for \
                no visible reason; one that stored a grant serves it to everyone.",
    remedy: "Add `Vary: Origin` to every answer whose grant is not the same for everyone, whether or not the \
             request had an Origin. FastAPI: `CORSMiddleware` adds it only to grants and preflights; append it in \
             a middleware around it. Express: `cors()` adds it for an array, but not where a function refuses; \
             call `res.vary(\"Origin\")` before it.",
    references: &[
        "https://fetch.spec.whatwg.org/#cors-protocol-and-http-caches",
        "https://www.rfc-editor.org/rfc/rfc9110#section-12.5.5",
    ],
    requirements: &["FR-006"],
    ask: |subject| {
        let path = subject.health();
        let declared = subject.declared_origin().map(|origin| Probe::get(path).origin(origin.as_str()));
        let probes = [Probe::get(path), Probe::get(path).origin("https://plumbline-probe.evil.example")];
        Ask::Questions(
            probes.into_iter().chain(declared).map(|probe| Question::new(probe, "cors.origins")).collect(),
        )
    },
    judge: |_, exchanges| {
        let constant = is_constant(exchanges);
        Verdict::of_each(exchanges, |exchange, response| {
            let vary = response.list("vary");
            Reading::expect(constant || vary.iter().any(|name| name == "origin" || name == "*"), || {
                let sender = exchange
                    .request
                    .header("origin")
                    .map_or("without Origin".to_owned(), |origin| format!("from `{origin}`"));
                let vary = if vary.is_empty() {
                    "no Vary header".to_owned()
                } else {
                    format!("vary: {}", vary.join(", "))
                };
                format!("GET {} {sender} was answered with {vary}", exchange.request.path)
            })
        })
    },
    passes: &[
        "HTTP/1.1 200 OK\nvary: accept-encoding, Origin",
        "HTTP/1.1 200 OK\naccess-control-allow-origin: *",
        "HTTP/1.1 200 OK\naccess-control-allow-origin: https://app.example.com",
    ],
    fails: &[
        "HTTP/1.1 200 OK\naccess-control-allow-origin: {origin}",
        "HTTP/1.1 200 OK\nvary: accept-encoding\naccess-control-allow-origin: {origin}",
        "HTTP/1.1 200 OK\n---\nHTTP/1.1 200 OK\nvary: origin\naccess-control-allow-origin: {origin}",
    ],
};

/// Whether every request received the same grant, or none: then no cache can confuse the answers.
fn is_constant(exchanges: &[Exchange]) -> bool {
    let grants: Vec<Option<String>> = exchanges
        .iter()
        .filter_map(|exchange| exchange.response().ok())
        .map(|response| response.header("access-control-allow-origin"))
        .collect();
    grants.len() == exchanges.len() && grants.windows(2).all(|pair| pair[0] == pair[1])
}
