//! HEAD is GET without the body.

use crate::model::check::{Ask, Check, Needs, Question, Severity, Verdict, judgeable};
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "method.head-equals-get",
    severity: Severity::Low,
    needs: Needs::Nothing,
    rule: "HEAD is answered with the status of GET, and with no other headers.",
    rationale: "Monitors and caches ask with HEAD and conclude about GET.",
    remedy: "Route HEAD to the handler of GET and drop the body. FastAPI: `@app.api_route(path, methods=[\"GET\", \
             \"HEAD\"])`. Express: `app.get` does so, unless an `app.head` before it answers.",
    references: &["https://www.rfc-editor.org/rfc/rfc9110#section-9.3.2"],
    requirements: &["FR-010"],
    ask: |subject| {
        let probes = [Probe::get(subject.health()), Probe::new("HEAD", subject.health())];
        Ask::Questions(probes.into_iter().map(|probe| Question::new(probe, "health.path")).collect())
    },
    judge: |_, exchanges| {
        let [get, head] = exchanges else {
            return Verdict::Inconclusive("GET and HEAD were not both probed".to_owned());
        };
        let (get, answer) = match (judgeable(get), judgeable(head)) {
            (Ok(get), Ok(answer)) => (get, answer),
            (Err(why), _) | (_, Err(why)) => return Verdict::Inconclusive(why),
        };
        let path = &head.request.path;
        if answer.status != get.status {
            return Verdict::fail(
                1,
                format!("HEAD {path} answered {}, and GET {}", answer.status, get.status),
            );
        }
        // A header that depends on the content may be missing, but must not differ (RFC 9110 section 9.3.2).
        let differs = ["content-type", "cache-control", "vary"]
            .into_iter()
            .find(|name| answer.header(name).is_some_and(|value| Some(value) != get.header(name)));
        match differs {
            Some(name) => Verdict::fail(1, format!("HEAD {path} and GET {path} differ in {name}")),
            None => Verdict::Pass,
        }
    },
    passes: &["HTTP/1.1 200 OK\ncontent-type: application/json"],
    fails: &[
        "HTTP/1.1 200 OK\n---\nHTTP/1.1 405 Method Not Allowed",
        "HTTP/1.1 200 OK\ncontent-type: application/json\n---\nHTTP/1.1 200 OK\ncontent-type: text/plain",
    ],
};
