//! Every request has an id of its own, which no client can choose freely.

use std::collections::BTreeSet;

use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Subject, Verdict};
use crate::model::exchange::Exchange;
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "errors.request-id.safe",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "Every answer has its own request id, and repeats no hostile id from a client.",
    rationale: "Support finds a request in the log by its id; a client that chooses the id freely can forge log \
                lines, and its text appears in headers and pages.",
    remedy: "Make the id where requests enter; keep a client's only if it is short and plain. FastAPI: \
             asgi-correlation-id with its default validator. Express: `crypto.randomUUID()` in the first \
             middleware. Here: the server makes every id.",
    references: &[
        "https://cwe.mitre.org/data/definitions/113.html",
        "https://cwe.mitre.org/data/definitions/117.html",
        "https://www.rfc-editor.org/rfc/rfc9110#section-5.5",
    ],
    requirements: &["FR-008"],
    ask: |subject| {
        let Some(name) = &subject.profile().deployment.request_id_header else {
            return Ask::skip("the profile names no request id (deployment.request_id_header)");
        };
        let (health, unknown) = (Probe::get(subject.health()), Probe::get(Subject::unknown_path()));
        let long = format!("plumbline-{}", "a".repeat(1024));
        let probes = [
            health,
            unknown.clone(),
            unknown.clone().with(name.as_str(), long),
            unknown.with(name.as_str(), MARKUP),
        ];
        Ask::Questions(probes.map(|probe| Question::new(probe, "deployment.request_id_header")).into())
    },
    judge: |subject, exchanges| {
        let Some(name) = &subject.profile().deployment.request_id_header else {
            return Verdict::Inconclusive("the profile names no request id".to_owned());
        };
        let name = name.as_str();
        let twice = repeated(exchanges, name);
        Verdict::of_each(exchanges, |exchange, response| {
            let path = &exchange.request.path;
            let Some(id) = response.header(name).filter(|id| !id.is_empty()) else {
                let why = format!("the {} of GET {path} has no {name}", response.status);
                return vec![Reading::Broken(why)];
            };
            let sent = exchange.request.header(name).unwrap_or_default();
            let repeats = !sent.is_empty() && (id.contains(sent) || response.body.contains(sent));
            vec![
                Reading::expect(!repeats, || {
                    let start: String = sent.chars().take(40).collect();
                    format!(
                        "the {} of GET {path} repeats the {name} that was sent, {} bytes that begin `{start}`",
                        response.status,
                        sent.len()
                    )
                }),
                Reading::expect(!twice.contains(&id), || {
                    format!("two requests were given the same {name}, `{id}`")
                }),
            ]
        })
    },
    passes: &["HTTP/1.1 200 OK\nx-request-id: 7-1\n---\nHTTP/1.1 404 Not Found\nx-request-id: 7-2\n---\n\
         HTTP/1.1 404 Not Found\nx-request-id: 7-3\n---\nHTTP/1.1 404 Not Found\nx-request-id: 7-4"],
    fails: &[
        "HTTP/1.1 404 Not Found",
        "HTTP/1.1 200 OK\nx-request-id: 7-1",
        "HTTP/1.1 200 OK\nx-request-id: 7-1\n---\nHTTP/1.1 404 Not Found\nx-request-id: 7-2\n---\n\
         HTTP/1.1 404 Not Found\nx-request-id: 7-3\n---\n\
         HTTP/1.1 404 Not Found\nx-request-id: 7-4\n\n<p>\"><script>plumbline</script></p>",
    ],
};

const MARKUP: &str = "\"><script>plumbline</script>";

/// The ids of more than one answer.
fn repeated(exchanges: &[Exchange], name: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let ids = exchanges.iter().filter_map(|exchange| exchange.response().ok()?.header(name));
    ids.filter(|id| !seen.insert(id.clone())).collect()
}
