//! The health check answers the platform's own probe, for the platform's host name.

use crate::checks::drilled::{answer, drill, expect, health};
use crate::model::check::{Ask, Check, Needs, Reading, Severity, Verdict};
use crate::model::drill::Step;

pub(super) const CHECK: Check = Check {
    id: "health.platform.host",
    severity: Severity::High,
    needs: Needs::Drill,
    rule: "The health check answers requests for the platform's own host name.",
    rationale: "Railway sends `Host: healthcheck.railway.app`; a service that accepts only its public name answers \
                400, and the release never goes live.",
    remedy: "Leave the health path out of the list of allowed hosts. FastAPI: `TrustedHostMiddleware` with that name \
             among its `allowed_hosts`.",
    references: &["https://docs.railway.com/deployments/healthchecks"],
    requirements: &["FR-003"],
    ask: |subject| {
        let request = health(subject).with("host", "healthcheck.railway.app");
        Ask::one(drill(subject, vec![Step::ask(request, 1).named("platform")]), "health.path")
    },
    judge: |subject, exchanges| {
        let budget = subject.profile().health.budget;
        Verdict::of_answers(exchanges, |exchange| match answer(exchange, "platform") {
            Err(why) => Reading::Unknown(why),
            Ok(reply) => expect([reply], &[200], budget.millis(), |words| {
                format!(
                    "GET {} for the host healthcheck.railway.app was answered {words}",
                    exchange.request.path
                )
            }),
        })
    },
    passes: &["platform: 200 in 3 ms"],
    fails: &["platform: 400 in 3 ms", "platform: 421 in 3 ms", "platform: none in 9 ms"],
};
