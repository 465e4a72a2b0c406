//! The answer during an outage keeps its grant, so that pages can read it.

use crate::checks::drilled::{UNDER_FAULT, answer, health, under};
use crate::cors::oracle::{Credentials, cors_check};
use crate::model::check::{Ask, Check, Needs, Reading, Severity, Verdict};
use crate::model::drill::Fault;

pub(super) const CHECK: Check = Check {
    id: "cors.actual.outage-keeps-grant",
    severity: Severity::Medium,
    needs: Needs::Drill,
    rule: "The 503 of an outage carries the grant of a declared origin.",
    rationale: "Without it the page cannot tell an outage from a wrong address: the browser reports a CORS error, \
                which hides the cause.",
    remedy: "Decide CORS outside every layer that can fail. FastAPI: handle the exception in a handler, so that the \
             answer passes `CORSMiddleware`. Express: `cors()` before the routes, and an error handler.",
    references: &["https://fetch.spec.whatwg.org/#http-responses"],
    requirements: &["FR-006"],
    ask: |subject| match subject.declared_origin() {
        None => Ask::skip("the profile declares no origin"),
        Some(origin) => {
            let request = health(subject).with("origin", origin.as_str());
            Ask::one(under(subject, Fault::Refuse, request), "cors.origins[0]")
        }
    },
    judge: |subject, exchanges| {
        let origin = subject.declared_origin().map(ToString::to_string).unwrap_or_default();
        let credentials = Credentials::declared(subject.profile().cors.credentials);
        Verdict::of_answers(exchanges, |exchange| {
            match answer(exchange, UNDER_FAULT).map(|reply| &reply.answer) {
                Err(why) => Reading::Unknown(why),
                Ok(Err(why)) => Reading::Unknown(why.to_string()),
                Ok(Ok(response)) if response.status < 500 => Reading::Unknown(format!(
                    "with the database unavailable the answer was {}",
                    response.status
                )),
                Ok(Ok(response)) => match cors_check(&origin, credentials, response) {
                    Ok(()) => Reading::Holds,
                    Err(why) => Reading::Broken(format!(
                        "with the database unavailable a page at `{origin}` may not read the {} of GET {}: {why}",
                        response.status, exchange.request.path
                    )),
                },
            }
        })
    },
    passes: &[
        "under-fault: 503 in 9 ms [access-control-allow-origin: https://todo.example.com] [access-control-allow-credentials: true]",
    ],
    fails: &["under-fault: 503 in 9 ms"],
};
