//! Deadlines inside deadlines.

use crate::rule::Facts;
use crate::{Problem, Rule};

pub(crate) const NESTED: Rule = Rule {
    id: "timeouts.nested",
    rule: "A deadline ends no later than the one around it.",
    rationale: "Otherwise the outer deadline always passes first, and the answer of the inner one is never given.",
    references: &["https://sre.google/sre-book/addressing-cascading-failures/"],
    find,
};

fn find(facts: &Facts<'_>) -> Vec<Problem> {
    let profile = facts.profile;
    let load = &profile.load;
    let request = ("server.request_timeout", profile.server.request_timeout);
    let answer = ("verify.timeout", profile.verify.timeout);
    let budget = ("health.budget", profile.health.budget);
    [
        (budget, request, "the request is cut before the health check can say `unhealthy`"),
        (
            ("server.body_timeout", profile.server.body_timeout),
            request,
            "the request is cut before its body can be late",
        ),
        (budget, answer, "verify gives up before the health check must answer"),
        (
            ("verify.health_latency", profile.verify.health_latency),
            answer,
            "verify gives up before an answer is too slow",
        ),
        (
            ("pool.acquire_timeout", profile.pool.acquire_timeout),
            request,
            "the request is cut before the pool can give up",
        ),
        (("load.p50", load.p50), ("load.p95", load.p95), "the slower part of a burst cannot be quicker"),
        (("load.p95", load.p95), ("load.p99", load.p99), "the slower part of a burst cannot be quicker"),
        (("load.p99", load.p99), answer, "verify gives up before a burst is too slow"),
    ]
    .into_iter()
    .filter(|((_, inner), (_, outer), _)| inner > outer)
    .map(|((name, inner), (around, outer), consequence)| {
        Problem::error(name, format!("{name} = {inner}, but {around} = {outer}: {consequence}"))
            .instead(format!("lower it to \"{outer}\" or less, or raise {around}"))
    })
    .collect()
}
