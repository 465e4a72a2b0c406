//! Requests without Origin, and undeclared origins, get no Access-Control header.

use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict};
use crate::model::exchange::Response;
use crate::model::probe::Probe;

pub(super) const NO_ORIGIN_NO_GRANT: Check = Check {
    id: "cors.actual.no-origin-no-grant",
    severity: Severity::Low,
    needs: Needs::Nothing,
    rule: "A request without Origin is answered without a grant.",
    rationale: "A cache stores the grant of a default origin and serves it to every other declared origin, whose \
                pages then fail.",
    remedy: "Add Access-Control headers only when the request carries an allowed Origin. Express: give `cors()` an \
             array of origins, because a single string is sent to everyone.",
    references: &[
        "https://fetch.spec.whatwg.org/#http-responses",
        "https://fetch.spec.whatwg.org/#cors-protocol-and-http-caches",
    ],
    requirements: &["FR-006"],
    ask: |subject| Ask::one(Probe::get(subject.health()), "cors.origins"),
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            match response.header("access-control-allow-origin") {
                // A constant `*` is the same for everyone; whether it may be sent is another check.
                Some(origin) if origin != "*" => Reading::Broken(format!(
                    "GET {} without Origin was answered with access-control-allow-origin: {origin}",
                    exchange.request.path
                )),
                _ => Reading::Holds,
            }
        })
    },
    passes: &["HTTP/1.1 200 OK\nvary: origin"],
    fails: &["HTTP/1.1 200 OK\naccess-control-allow-origin: https://app.example.com"],
};

pub(super) const DENIED_IS_BARE: Check = Check {
    id: "cors.actual.denied-is-bare",
    severity: Severity::Low,
    needs: Needs::Nothing,
    rule: "A refused origin's answer carries no Access-Control header at all.",
    rationale: "Headers without a grant show the policy to undeclared origins, and one change in another layer \
                turns them into a grant.",
    remedy: "Decide first, then add all Access-Control headers or none. FastAPI: `CORSMiddleware` sends undeclared \
             origins every header but the origin; remove `access-control-*` in a middleware around it where no \
             origin was granted. Express: `origin: (origin, done) => done(null, ORIGINS.includes(origin))`, and \
             `res.vary(\"Origin\")` before it.",
    references: &["https://fetch.spec.whatwg.org/#http-responses"],
    requirements: &["FR-006"],
    ask: |subject| {
        let path = subject.health();
        let origin = "https://plumbline-probe.evil.example";
        Ask::Questions(vec![
            Question::new(Probe::get(path).origin(origin), "cors.origins"),
            Question::new(Probe::preflight(path, origin, "PUT", &["authorization"]), "cors.origins"),
        ])
    },
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| match access_control(response) {
            Some(header) => Reading::Broken(format!(
                "{} {} from a foreign origin was answered with {header}",
                exchange.request.method, exchange.request.path
            )),
            None => Reading::Holds,
        })
    },
    passes: &["HTTP/1.1 200 OK\nvary: origin", "HTTP/1.1 403 Forbidden"],
    fails: &[
        "HTTP/1.1 200 OK\naccess-control-allow-credentials: true",
        "HTTP/1.1 200 OK\naccess-control-expose-headers: x-request-id",
    ],
};

/// The first Access-Control header, as a line.
fn access_control(response: &Response) -> Option<String> {
    let (name, value) = response.headers.iter().find(|(name, _)| name.starts_with("access-control-"))?;
    Some(format!("{name}: {value}"))
}
