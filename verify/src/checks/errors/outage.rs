//! Errors of an outage are like any other: well formed, and without internals.

use super::{leak, shape};
use crate::checks::drilled::{UNDER_FAULT, answer, as_exchange, faults, under};
use crate::checks::health;
use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict};
use crate::model::drill::Fault;
use crate::model::exchange::Request;

pub(super) const CHECK: Check = Check {
    id: "errors.outage.as-declared",
    severity: Severity::Medium,
    needs: Needs::Drill,
    rule: "While the database is unavailable, routes answer in the declared error format and show no internals.",
    rationale: "The driver's text names hosts, users and statements, and outages produce it; a client that cannot \
                parse the error cannot tell the user to try again.",
    remedy: "Handle the driver's errors in one place, and answer 503 with a text of your own. Here every error is \
             problem+json. FastAPI: `@app.exception_handler(SQLAlchemyError)` and `OSError`. Express: an error handler.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc9457#section-3",
        "https://cwe.mitre.org/data/definitions/209.html",
    ],
    requirements: &["FR-008", "v5.0.0-16.5.1"],
    ask: |subject| {
        let reads = subject.profile().drill.reads.iter().map(|path| {
            Question::new(under(subject, Fault::Refuse, Request::new("GET", path.as_str())), "verify.errors")
        });
        Ask::all(reads, "the profile names no path that asks the database (drill.reads)")
    },
    judge: |subject, exchanges| {
        Verdict::of_answers(exchanges, |exchange| {
            let response = match answer(exchange, UNDER_FAULT).map(|reply| &reply.answer) {
                Ok(Ok(response)) => response,
                Ok(Err(why)) => return vec![Reading::Unknown(why.to_string())],
                Err(why) => return vec![Reading::Unknown(why)],
            };
            if response.status < 500 {
                let why = format!("with the database unavailable the answer was {}", response.status);
                return vec![Reading::Unknown(why)];
            }
            let body = response.body.to_ascii_lowercase();
            let sign = health::leak::INTERNALS.iter().find(|sign| body.contains(**sign));
            let internals = sign.map(|sign| format!("the {} contains `{sign}`", response.status));
            let live = [as_exchange(Request::new("GET", &exchange.request.path), response)];
            let wrong = [leak::CHECK.judge, shape::CHECK.judge]
                .into_iter()
                .flat_map(|judge| faults(judge(subject, &live)));
            let broken = |wrong| Reading::Broken(format!("with the database unavailable {wrong}"));
            internals.into_iter().chain(wrong).map(broken).collect()
        })
    },
    passes: &[
        "under-fault: 503 in 9 ms [content-type: application/problem+json] {\"title\":\"Service Unavailable\",\"status\":503}",
    ],
    fails: &[
        "under-fault: 503 in 9 ms [content-type: application/problem+json] {\"title\":\"connection refused\",\"status\":503}",
        "under-fault: 500 in 9 ms [content-type: text/plain] Internal Server Error",
    ],
};
