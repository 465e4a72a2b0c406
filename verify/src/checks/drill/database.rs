//! Routes while the database fails.

use profiles::PoolMode;

use crate::checks::drilled::{UNDER_FAULT, answer, drill, expect, fault, health, result, seen, words};
use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Subject, Verdict};
use crate::model::drill::{Fault, Step};
use crate::model::drilled::{Steady, StepResult};
use crate::model::exchange::Request;

pub(super) const FAIL_FAST: Check = Check {
    id: "drill.db.fail-fast",
    severity: Severity::High,
    needs: Needs::Drill,
    rule: "Under every fault of the database, requests are answered 503 within the request's deadline, and the \
           service is healthy after the repair.",
    rationale: "Requests that wait for a dead database accumulate until memory or sockets run out, and the outage \
                continues after its cause is gone.",
    remedy: "Set one deadline around waiting for a connection and the statement, and answer 503 when it expires. Here: \
             `pool.acquire_timeout` and `server.request_timeout`. SQLAlchemy: `pool_timeout`; asyncpg: `timeout` and \
             `command_timeout`.",
    references: &[
        "https://cwe.mitre.org/data/definitions/400.html",
        "https://www.rfc-editor.org/rfc/rfc9110#section-15.6.4",
    ],
    requirements: &["FR-002", "FR-008", "v5.0.0-16.5.2"],
    ask: |subject| {
        let faults = [
            Fault::Refuse,
            Fault::BlackHole,
            Fault::Reset,
            Fault::HalfClose,
            Fault::Freeze,
            Fault::QueryError,
            Fault::Latency(60_000),
        ];
        let recovery = subject.profile().drill.recovery.millis();
        let questions = faults.into_iter().map(|fault| {
            let steps = vec![
                Step::fault(fault),
                Step::ask(route(subject), AT_ONCE).named(UNDER_FAULT),
                Step::recover(recovery),
            ];
            Question::new(drill(subject, steps), deadline(subject).0)
        });
        Ask::Questions(questions.collect())
    },
    judge: |subject, exchanges| {
        let (setting, within) = deadline(subject);
        Verdict::of_answers(exchanges, |exchange| {
            let (asked, drilled) = match (result(exchange, UNDER_FAULT), seen(exchange)) {
                (Ok(asked), Ok(drilled)) => (asked, drilled),
                (Err(why), _) | (_, Err(why)) => return vec![Reading::Unknown(why)],
            };
            let Some(fault) = fault(exchange) else {
                return vec![Reading::Unknown("no drill was run".to_owned())];
            };
            // If a new connection works, a request that opens one may succeed.
            let right: &[u16] = if fault.spares_new_connections() { &[200, 204, 503] } else { &[503] };
            let answered = if asked.answers.is_empty() {
                Reading::Unknown(format!("while {fault} no request was sent"))
            } else {
                expect(&asked.answers, right, within, |words| {
                    format!(
                        "while {fault} {} was answered {words}; expected is 503 within {setting}",
                        route(subject)
                    )
                })
            };
            let repaired = match &drilled.after {
                after @ Steady::Not { .. } => {
                    Reading::Broken(format!("after {fault} and the repair, the service was {after}"))
                }
                Steady::Unasked => Reading::Broken(format!("after {fault} the service had ended")),
                Steady::Healthy(_) => Reading::Holds,
            };
            vec![answered, repaired]
        })
    },
    passes: &["under-fault: 503 x8 in 2000 ms"],
    fails: &[
        "under-fault: 500 x8 in 9 ms",
        "under-fault: 503 x8 in 30000 ms",
        "under-fault: none x8 in 15000 ms",
    ],
};

pub(super) const STALE_CONNECTIONS: Check = Check {
    id: "drill.db.stale-connections",
    severity: Severity::High,
    needs: Needs::Drill,
    rule: "After every idle connection to the database is closed, the next request succeeds.",
    rationale: "Serverless databases suspend and poolers restart: without a check before use, the first request \
                after each such event fails.",
    remedy: "Check connections that were idle before use, and open another. Here: `pool.ping_after`. SQLAlchemy: \
             `pool_pre_ping=True`. node-postgres: remove the client on `error`, and try once more.",
    references: &["https://docs.sqlalchemy.org/en/20/core/pooling.html#disconnect-handling-pessimistic"],
    requirements: &["FR-002"],
    ask: |subject| {
        let steps = vec![
            Step::ask(route(subject), AT_ONCE),
            Step::pause(200),
            Step::cut(),
            Step::pause(300),
            Step::ask(route(subject), 1).named("first-after-cut"),
        ];
        Ask::one(drill(subject, steps), "pool.ping_after")
    },
    judge: |subject, exchanges| {
        let (_, within) = deadline(subject);
        Verdict::of_answers(exchanges, |exchange| match answer(exchange, "first-after-cut") {
            Err(why) => Reading::Unknown(why),
            Ok(reply) => expect([reply], &[200, 204], within, |words| {
                format!("the first {} after its connections were closed was answered {words}", route(subject))
            }),
        })
    },
    passes: &["first-after-cut: 200 in 40 ms"],
    fails: &["first-after-cut: 500 in 40 ms", "first-after-cut: 503 in 2000 ms"],
};

pub(super) const TRANSACTION_MODE: Check = Check {
    id: "drill.db.transaction-mode",
    severity: Severity::Medium,
    needs: Needs::Drill,
    rule: "Behind a pooler in transaction mode no prepared statement has a name.",
    rationale: "The next transaction may run on another connection, where the name is unknown or belongs to \
                another statement; it fails at random, and only under load.",
    remedy: "Here only unnamed statements are used. asyncpg: `statement_cache_size=0`; with SQLAlchemy also \
             `prepared_statement_name_func=lambda: \"\"`. node-postgres: no `name` in queries.",
    references: &[
        "https://www.pgbouncer.org/features.html",
        "https://neon.com/docs/connect/connection-pooling",
    ],
    requirements: &["FR-002"],
    ask: |subject| {
        if subject.profile().database.pool_mode != PoolMode::Transaction {
            return Ask::skip("the profile declares no pooler in transaction mode (database.pool_mode)");
        }
        // New connections: on earlier ones the statements may already be prepared, and so not be counted.
        let mut steps = vec![Step::cut(), Step::mark(), Step::ask(health(subject), 3).named("health")];
        if !subject.profile().drill.reads.is_empty() {
            steps.push(Step::ask(route(subject), AT_ONCE).named("route"));
        }
        Ask::one(drill(subject, steps), "database.pool_mode")
    },
    judge: |subject, exchanges| {
        let names: &[&str] =
            if subject.profile().drill.reads.is_empty() { &["health"] } else { &["health", "route"] };
        Verdict::of_answers(exchanges, |exchange| {
            let results: Result<Vec<&StepResult>, String> =
                names.iter().map(|name| result(exchange, name)).collect();
            let results = match results {
                Err(why) => return Reading::Unknown(why),
                Ok(results) => results,
            };
            let mut answers = results.iter().flat_map(|seen| &seen.answers);
            if let Some(reply) = answers.find(|reply| reply.answer.is_err()) {
                return Reading::Unknown(words(reply));
            }
            if results.iter().all(|seen| seen.counts.queries == 0) {
                return Reading::Unknown("no query was seen".to_owned());
            }
            let named = results.iter().map(|seen| seen.counts.named_statements).max().unwrap_or_default();
            Reading::expect(named == 0, || format!("{named} prepared statements had a name"))
        })
    },
    passes: &["health: 200 x3 in 9 ms; queries 3"],
    fails: &["health: 200 x3 in 9 ms; queries 3; named 2"],
};

/// More than a pool of one, less than a crowd.
const AT_ONCE: u32 = 8;

/// A request that queries the database: a declared one, else the health check.
fn route(subject: &Subject<'_>) -> Request {
    let read = subject.profile().drill.reads.first();
    read.map_or_else(|| health(subject), |path| Request::new("GET", path.as_str()))
}

/// The setting that promises the time of its answer, and that time in milliseconds.
fn deadline(subject: &Subject<'_>) -> (&'static str, u64) {
    let profile = subject.profile();
    if profile.drill.reads.is_empty() {
        ("health.budget", profile.health.budget.millis())
    } else {
        ("server.request_timeout", profile.server.request_timeout.millis())
    }
}
