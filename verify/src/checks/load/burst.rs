//! A burst is answered completely and in time.

use crate::model::check::{Ask, Check, Needs, Severity, Verdict};
use crate::model::exchange::{Answer, Burst, Means, Unanswered};
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "load.burst",
    severity: Severity::Medium,
    needs: Needs::Intrusive,
    rule: "A burst on the declared number of connections is answered completely, within the declared percentiles.",
    rationale: "A global lock, or a pool of one connection, does not show while clients come one after the other, \
                and stops the first crowd.",
    remedy: "Find what the requests wait for: the pool (here `pool.size`), a global lock, a blocking call in an event \
             loop. FastAPI: do not call blocking drivers in `async def`.",
    references: &["https://cwe.mitre.org/data/definitions/770.html"],
    requirements: &["FR-018"],
    ask: |subject| {
        let connections = subject.profile().load.burst;
        let probe = Probe::get(subject.health()).by(Means::Burst(connections)).in_round(ROUND);
        Ask::one(probe, "load.burst")
    },
    judge: |subject, exchanges| {
        let Some(exchange) = exchanges.first() else {
            return Verdict::Inconclusive("no burst was asked".to_owned());
        };
        let burst = match &exchange.answer {
            Answer::Burst(burst) => burst,
            other => return Verdict::Inconclusive(other.missing().to_string()),
        };
        if burst.statuses.contains_key(&429) {
            return Verdict::Inconclusive("a rate limiter answered the burst (429)".to_owned());
        }
        let load = &subject.profile().load;
        let promised = [(50, load.p50), (95, load.p95), (99, load.p99)];
        let mut broken: Vec<String> = unanswered(burst);
        broken.extend(promised.iter().filter_map(|(percent, promised)| {
            let seen = burst.percentile(*percent)?;
            (seen > promised.millis())
                .then(|| format!("p{percent} was {seen} ms; the profile declares {promised}"))
        }));
        if broken.is_empty() { Verdict::Pass } else { Verdict::fail(0, broken.join("; ")) }
    },
    passes: &["200 x100 · 20 ms"],
    fails: &["200 x98, reset x2 · 20 ms", "200 x60, 503 x40 · 20 ms", "200 x100 · 2500 ms"],
};

/// After the raw probes, alone: probes at the same time would distort the measurement.
const ROUND: u8 = 3;

fn unanswered(burst: &Burst) -> Vec<String> {
    let unanswered = burst.failures.iter().map(|failure| failure.connections);
    let asked: u32 = burst.statuses.values().copied().chain(unanswered).sum();
    let statuses = burst.statuses.iter().filter(|(status, _)| !(200..300).contains(*status));
    let statuses = statuses.map(|(status, times)| format!("{times} of {asked} were answered {status}"));
    let failures = burst
        .failures
        .iter()
        .map(|Unanswered { why, connections }| format!("{connections} of {asked} got no answer: {why}"));
    statuses.chain(failures).collect()
}
