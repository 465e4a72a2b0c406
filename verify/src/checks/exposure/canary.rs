//! The values of secrets appear in no answer and no log.

use std::collections::BTreeSet;

use crate::checks::drilled::{drill, seen};
use crate::model::check::{Ask, Check, Needs, Reading, Severity, Subject, Verdict};
use crate::model::drill::Step;
use crate::model::exchange::Request;

pub(super) const CHECK: Check = Check {
    id: "exposure.secrets.canary",
    severity: Severity::High,
    needs: Needs::Drill,
    rule: "No answer and no log line holds the value of a secret.",
    rationale: "Logs are copied to other companies and kept for years; an error that prints the database's URL has \
                published its password.",
    remedy: "Keep secrets in a type that cannot be printed, and log errors without their connection strings. Here: \
             `Secret`. FastAPI: pydantic's `SecretStr`; SQLAlchemy: `engine.url.render_as_string(hide_password=True)`.",
    references: &["https://cwe.mitre.org/data/definitions/532.html"],
    requirements: &["FR-004", "v5.0.0-16.5.1", "v5.0.0-16.2.5"],
    ask: |subject| {
        let profile = subject.profile();
        let none = profile.secrets.required.is_empty();
        let promise = if none { "database.url_variable" } else { "secrets.required" };
        Ask::Everything { promise: promise.to_owned(), also: vec![drill(subject, provocations(subject))] }
    },
    judge: |_, exchanges| {
        let drilled: Vec<_> =
            exchanges.iter().filter(|exchange| exchange.request.means.is_drill()).cloned().collect();
        if drilled.is_empty() {
            return Verdict::Inconclusive("no drill was run".to_owned());
        }
        Verdict::of_answers(exchanges, |exchange| {
            if !exchange.request.means.is_drill() {
                return Vec::new();
            }
            match seen(exchange) {
                Err(why) => vec![Reading::Unknown(why)],
                Ok(drilled) => {
                    let leaks: BTreeSet<&(String, String)> = drilled.leaks().collect();
                    // The value itself is not repeated: a report must not leak a secret.
                    let broken = |(name, place): &(String, String)| {
                        Reading::Broken(format!("the value of {name} was in {place}"))
                    };
                    leaks.into_iter().map(broken).collect()
                }
            }
        })
    },
    passes: &["answer: 200 in 3 ms"],
    fails: &["answer: 200 in 3 ms; leak DATABASE_URL"],
};

/// Requests that make services leak: paths that show the environment, and malformed input.
fn provocations(subject: &Subject<'_>) -> Vec<Step> {
    let shown = super::debug::PATHS.iter().map(|path| Request::new("GET", path));
    let profile = subject.profile();
    let paths = profile.drill.writes.iter().map(profiles::Path::as_str).chain([subject.health()]);
    let broken = paths.map(|path| Request {
        body: Some("{\"broken\": ".to_owned()),
        ..Request::new("POST", path).with("content-type", "application/json")
    });
    let odd = Request::new("GET", &format!("{}?q=%ff%00%27", subject.health()));
    shown.chain(broken).chain([odd]).map(|request| Step::ask(request, 1)).collect()
}
