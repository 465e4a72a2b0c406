//! The form of a grant: one origin, no wildcard.

use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Subject, Verdict};
use crate::model::probe::Probe;

pub(super) const NO_WILDCARD: Check = Check {
    id: "cors.actual.no-wildcard",
    severity: Severity::High,
    needs: Needs::Nothing,
    rule: "No Access-Control header is a wildcard where origins are declared.",
    rationale: "`*` lets every page read the answer; with credentials browsers refuse it, so it also breaks the declared pages.",
    remedy: "List origins, methods and headers by name. FastAPI: replace `[\"*\"]` in `allow_origins`, `allow_methods` \
             and `allow_headers`. Express: give `cors()` an `origin`, which is `*` without one. Here: a profile accepts \
             no wildcard.",
    references: &[
        "https://fetch.spec.whatwg.org/#cors-protocol-and-credentials",
        "https://cwe.mitre.org/data/definitions/942.html",
    ],
    requirements: &["FR-006", "v5.0.0-3.4.2"],
    ask: |subject| with_and_without_origin(subject),
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            let wildcard = [
                "access-control-allow-origin",
                "access-control-allow-methods",
                "access-control-allow-headers",
                "access-control-expose-headers",
            ]
            .into_iter()
            .find(|name| response.list(name).iter().any(|element| element == "*"));
            match wildcard {
                Some(name) => Reading::Broken(format!(
                    "{} {} was answered with {name}: *",
                    exchange.request.method, exchange.request.path
                )),
                None => Reading::Holds,
            }
        })
    },
    passes: &[
        "HTTP/1.1 200 OK\naccess-control-allow-origin: {origin}\naccess-control-allow-headers: authorization",
    ],
    fails: &[
        "HTTP/1.1 200 OK\naccess-control-allow-origin: *",
        "HTTP/1.1 204 No Content\naccess-control-allow-headers: *",
    ],
};

pub(super) const SINGLE_HEADER: Check = Check {
    id: "cors.actual.single-header",
    severity: Severity::High,
    needs: Needs::Nothing,
    rule: "Access-Control-Allow-Origin is sent once, with one value.",
    rationale: "A proxy and an application that both add it produce two, and browsers refuse the answer.",
    remedy: "Let one layer decide CORS: remove the header from the proxy or from the application, and use one CORS middleware, not two.",
    references: &[
        "https://fetch.spec.whatwg.org/#concept-cors-check",
        "https://fetch.spec.whatwg.org/#concept-header-list-get",
    ],
    requirements: &["FR-006"],
    ask: |subject| with_and_without_origin(subject),
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            let lines: Vec<&str> = response.all("access-control-allow-origin").collect();
            Reading::expect(lines.len() <= 1 && !lines.iter().any(|line| line.contains([',', ' '])), || {
                let lines: Vec<String> = lines.iter().map(|line| format!("`{line}`")).collect();
                format!(
                    "{} {} was answered with access-control-allow-origin {}",
                    exchange.request.method,
                    exchange.request.path,
                    lines.join(" and ")
                )
            })
        })
    },
    passes: &["HTTP/1.1 200 OK\naccess-control-allow-origin: {origin}", "HTTP/1.1 200 OK"],
    fails: &[
        "HTTP/1.1 200 OK\naccess-control-allow-origin: {origin}\naccess-control-allow-origin: {origin}",
        "HTTP/1.1 200 OK\naccess-control-allow-origin: https://a.example, https://b.example",
    ],
};

/// A declared origin's request, its preflight, and one without any origin.
fn with_and_without_origin(subject: &Subject<'_>) -> Ask {
    let mut questions = vec![Question::new(Probe::get(subject.health()), "cors.origins")];
    if let Some((promise, origin)) = subject.declared_origins().next() {
        questions.push(Question::new(Probe::get(subject.health()).origin(origin.as_str()), promise.clone()));
        questions.push(Question::new(super::preflight::ordinary(subject, origin), promise));
    }
    Ask::Questions(questions)
}
