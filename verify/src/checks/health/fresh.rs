//! The health check reports the current state, not an earlier one.

use jiff::Timestamp;

use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Subject, Verdict, judgeable};
use crate::model::exchange::Exchange;
use crate::model::probe::Probe;

pub(super) const TIMESTAMP_MOVES: Check = Check {
    id: "health.fresh.timestamp-moves",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "The health check's timestamp moves, and agrees with the clock of the machine that runs verify.",
    rationale: "A timestamp taken at start, or a cached answer, reports a state that was not checked.",
    remedy: "Take the time inside the handler, in UTC, and keep the machine's clock synchronised.",
    references: &["https://www.rfc-editor.org/rfc/rfc9110#section-6.6.1"],
    requirements: &["FR-003"],
    ask: |subject| super::contract::where_full(subject, twice),
    judge: |subject, exchanges| {
        let skew = i64::try_from(subject.profile().verify.clock_skew.millis()).expect("at most a year");
        let mut seen: Option<String> = None;
        for (question, exchange) in exchanges.iter().enumerate() {
            let text = match stamp(exchange) {
                Ok(text) => text,
                Err(why) => return Verdict::Inconclusive(why),
            };
            let Some(time) = parse_utc(&text) else {
                return Verdict::Inconclusive(format!(
                    "the timestamp `{text}` cannot be read; see health.contract.schema"
                ));
            };
            let off = (time.as_millisecond() - exchange.received_ms).abs();
            if off > skew {
                return Verdict::fail(
                    question,
                    format!(
                        "the timestamp `{text}` is {} s from this machine's clock; the profile allows {}",
                        off / 1000,
                        skew / 1000
                    ),
                );
            }
            // Equal timestamps near this machine's clock come from two quick probes; further off, from a frozen one.
            if off > QUICK_MS && seen.as_ref() == Some(&text) {
                return Verdict::fail(
                    question,
                    format!("two probes were answered with the same timestamp `{text}`"),
                );
            }
            seen = Some(text);
        }
        Verdict::Pass
    },
    passes: &["HTTP/1.1 200 OK\n\n{\"timestamp\":\"{now}\"}"],
    fails: &[
        "HTTP/1.1 200 OK\n\n{\"timestamp\":\"2026-01-02T03:03:55.5Z\"}",
        "HTTP/1.1 200 OK\n\n{\"timestamp\":\"2020-01-01T00:00:00Z\"}",
    ],
};

pub(super) const NOT_CACHED: Check = Check {
    id: "health.fresh.not-cached",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "The health check forbids caching, and does not come from a cache.",
    rationale: "A cached 200 keeps a dead service in rotation until the cache's entry expires.",
    remedy: "Send `Cache-Control: no-store`, and exclude the path from the CDN. FastAPI: \
             `response.headers[\"Cache-Control\"] = \"no-store\"`. Express: `res.set(\"Cache-Control\", \"no-store\")`.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.5",
        "https://www.rfc-editor.org/rfc/rfc9111#section-5.1",
    ],
    requirements: &["FR-003"],
    ask: |subject| Ask::one(Probe::get(subject.health()), "health.path"),
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            let path = &exchange.request.path;
            let cached = response
                .header("age")
                .map(|age| Reading::Broken(format!("GET {path} came from a cache (age: {age})")));
            let directives = response.list("cache-control");
            let told = Reading::expect(directives.iter().any(|directive| directive == "no-store"), || {
                let seen = if directives.is_empty() {
                    "no cache-control".to_owned()
                } else {
                    format!("cache-control: {}", directives.join(", "))
                };
                format!("GET {path} was answered with {seen}; the contract says no-store")
            });
            cached.into_iter().chain([told])
        })
    },
    passes: &["HTTP/1.1 200 OK\ncache-control: no-store"],
    fails: &[
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200 OK\ncache-control: max-age=60",
        "HTTP/1.1 200 OK\ncache-control: no-store\nage: 3",
    ],
};

pub(super) const LATENCY: Check = Check {
    id: "health.fresh.latency",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "The health check answers within the declared latency.",
    rationale: "Probes time out on a slow health check and report a healthy service as dead, Kubernetes by default \
                after one second; meanwhile the check holds a connection of the pool.",
    remedy: "Bound the whole check by one deadline, and find what it waits for: the pool, the connection or the \
             query. FastAPI: `asyncio.timeout(…)` around the check. Express: `query_timeout` and \
             `connectionTimeoutMillis` of node-postgres. Here: `health.budget`.",
    references: &[
        "https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/",
        "https://sre.google/sre-book/addressing-cascading-failures/",
    ],
    requirements: &["FR-003"],
    ask: |subject| match twice(subject) {
        Ask::Questions(questions) => Ask::Questions(
            questions.into_iter().map(|q| Question::new(q.probe, "verify.health_latency")).collect(),
        ),
        other => other,
    },
    judge: |subject, exchanges| {
        let most = subject.profile().verify.health_latency;
        // The quickest counts: the first answer may include DNS, TLS or the start of a sleeping database.
        let quickest = exchanges
            .iter()
            .filter(|exchange| judgeable(exchange).is_ok())
            .map(|exchange| exchange.elapsed_ms)
            .min();
        match quickest {
            None => Verdict::Inconclusive(
                exchanges.iter().find_map(|exchange| judgeable(exchange).err()).unwrap_or_default(),
            ),
            Some(elapsed) if elapsed <= most.millis() => Verdict::Pass,
            Some(elapsed) => Verdict::fail(
                0,
                format!(
                    "the quickest of {} answers took {elapsed} ms; the profile allows {most}",
                    exchanges.len()
                ),
            ),
        }
    },
    passes: &["HTTP/1.1 200 OK"],
    fails: &["HTTP/1.1 200 OK\nx-example-elapsed-ms: 60000"],
};

/// A run may end before a clock of whole seconds advances.
const QUICK_MS: i64 = 2_000;

/// A date and time of RFC 3339 whose offset is zero. Case is free (section 5.6); the fraction has a point.
pub(super) fn parse_utc(text: &str) -> Option<Timestamp> {
    let upper = text.to_ascii_uppercase();
    let utc = upper.ends_with('Z') || upper.ends_with("+00:00");
    let form =
        upper.len() >= "2026-01-02T03:04:05Z".len() && upper.as_bytes()[10] == b'T' && !upper.contains(',');
    (utc && form).then(|| upper.parse().ok()).flatten()
}

/// Two probes, the second after all others of the run.
fn twice(subject: &Subject<'_>) -> Ask {
    let probe = Probe::get(subject.health());
    Ask::Questions(vec![
        Question::new(probe.clone(), "health.path"),
        Question::new(probe.in_round(1), "health.path"),
    ])
}

fn stamp(exchange: &Exchange) -> Result<String, String> {
    let body = judgeable(exchange)?.json().unwrap_or_default();
    body["timestamp"]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| "the body has no timestamp; see health.contract.schema".to_owned())
}
