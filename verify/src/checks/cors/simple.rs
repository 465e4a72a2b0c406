//! Requests that need no preflight are not read as JSON.

use crate::checks::drilled::{answer, drill};
use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict};
use crate::model::drill::Step;
use crate::model::exchange::Request;

pub(super) const CHECK: Check = Check {
    id: "cors.actual.simple-request-needs-json",
    severity: Severity::Medium,
    needs: Needs::Drill,
    rule: "A write that accepts JSON refuses the same bytes as `text/plain` from a foreign origin.",
    rationale: "`text/plain` needs no preflight: if the service parses a body of any type, any page can write with \
                the visitor's cookies, and CORS cannot prevent it.",
    remedy: "Answer 415 unless the type is `application/json`. FastAPI does so for models since 0.65.2. Express: \
             `express.json()` parses that type only; do not widen its `type`.",
    references: &[
        "https://fetch.spec.whatwg.org/#cors-safelisted-request-header",
        "https://cwe.mitre.org/data/definitions/352.html",
    ],
    requirements: &["FR-006", "v5.0.0-3.5.2"],
    ask: |subject| {
        let writes = subject.profile().drill.writes.iter().map(|path| {
            let post = |media_type: &str| Request {
                body: Some("{}".to_owned()),
                ..Request::new("POST", path.as_str())
                    .with("origin", "https://plumbline-probe.evil.example")
                    .with("content-type", media_type)
            };
            let steps = vec![
                Step::ask(post("text/plain"), 1).named("as-text"),
                Step::ask(post("application/json"), 1).named("as-json"),
            ];
            Question::new(drill(subject, steps), "drill.writes")
        });
        Ask::all(writes, "the profile names no path that takes JSON (drill.writes)")
    },
    judge: |_, exchanges| {
        Verdict::of_answers(exchanges, |exchange| {
            let answers =
                answer(exchange, "as-text").and_then(|plain| Ok((plain, answer(exchange, "as-json")?)));
            let (plain, json) = match answers.map(|(plain, json)| (&plain.answer, &json.answer)) {
                Ok((Ok(plain), Ok(json))) => (plain, json),
                Ok((Err(why), _) | (_, Err(why))) => return Reading::Unknown(why.to_string()),
                Err(why) => return Reading::Unknown(why),
            };
            // A refusal of the content is the same for both types; a refusal of the type is not.
            let read = plain.status < 300 || (plain.status == 422 && plain.body == json.body);
            Reading::expect(!read, || {
                format!(
                    "a body of `text/plain` from a foreign origin was read as JSON, and answered {}",
                    plain.status
                )
            })
        })
    },
    passes: &[
        "as-text: 415 in 3 ms\nas-json: 201 in 3 ms",
        "as-text: 403 in 3 ms\nas-json: 403 in 3 ms",
        "as-text: 422 in 3 ms {\"type\":\"model_type\"}\nas-json: 422 in 3 ms {\"type\":\"missing\"}",
    ],
    fails: &[
        "as-text: 201 in 3 ms\nas-json: 201 in 3 ms",
        "as-text: 422 in 3 ms {\"type\":\"missing\"}\nas-json: 422 in 3 ms {\"type\":\"missing\"}",
    ],
};
