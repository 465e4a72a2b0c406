//! Caches must know that the answer depends on the origin.

use crate::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict};
use crate::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "cors.actual.vary-origin",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "Every answer says `Vary: Origin`, also when no Origin was sent.",
    rationale: "A cache that stored the answer without a grant serves it to an allowed page, which then fails for no visible reason; \
                one that stored a grant serves it to everyone.",
    remedy: "Add `Vary: Origin` to every answer that is not a constant `*`, whether or not the request had an Origin. \
             FastAPI: `CORSMiddleware` adds it only to grants and preflights; append it in a middleware around it. Express: `cors()` \
             adds it for an array, but not where a function refuses; call `res.vary(\"Origin\")` before it.",
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
        Verdict::of_each(exchanges, |exchange, response| {
            let vary = response.list("vary");
            let constant = response.header("access-control-allow-origin").as_deref() == Some("*");
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
    ],
    fails: &[
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200 OK\nvary: accept-encoding",
        "HTTP/1.1 200 OK\n---\nHTTP/1.1 200 OK\nvary: origin",
    ],
};
