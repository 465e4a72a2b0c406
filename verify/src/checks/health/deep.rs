//! The health check reports a fault of the database in time, and its end too.

use crate::checks::drilled::{
    RECOVERED, UNDER_FAULT, answer, drill, expect, fault, health, result, seen, under, words,
};
use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Subject, Verdict};
use crate::model::drill::{Fault, Step};
use crate::model::drilled::Steady;
use crate::model::exchange::{Exchange, Request};

const COMMON: Check = Check {
    id: "",
    severity: Severity::High,
    needs: Needs::Drill,
    rule: "",
    rationale: "",
    remedy: "Query the database in the health check, with one deadline around waiting, connecting and the query; \
             answer 503 when it expires. Here: `health.budget`. FastAPI: `asyncio.timeout` around the session's \
             first query.",
    references: &["https://cwe.mitre.org/data/definitions/400.html"],
    requirements: &["FR-003", "v5.0.0-16.5.2"],
    ask: |_| Ask::skip("a template"),
    judge: unhealthy,
    passes: &["under-fault: 503 in 12 ms"],
    fails: &["under-fault: 200 in 3 ms", "under-fault: 503 in 9000 ms", "under-fault: none in 15000 ms"],
};

pub(super) const DB_DOWN: Check = Check {
    id: "health.deep.db-down",
    rule: "When the database refuses connections, the health check answers 503 within its budget.",
    rationale: "A check of the process alone keeps a service in rotation that cannot do its work.",
    ask: |subject| Ask::one(under(subject, Fault::Refuse, health(subject)), "health.budget"),
    ..COMMON
};

pub(super) const DB_BLACKHOLE: Check = Check {
    id: "health.deep.db-blackhole",
    rule: "When the database never answers, the health check answers 503 within its budget.",
    rationale: "A lost network sends no error, and TCP gives up only after minutes, in which every probe hangs.",
    ask: |subject| Ask::one(under(subject, Fault::BlackHole, health(subject)), "health.budget"),
    ..COMMON
};

pub(super) const DB_LIES: Check = Check {
    id: "health.deep.db-lies",
    rule: "The health check answers 503 when the database accepts connections but fails every query, or refuses \
           the password.",
    rationale: "A check of the socket, or of the pool's size, reports health while no query works.",
    ask: |subject| {
        let faults = [Fault::QueryError, Fault::AuthError];
        // Connections that are already authenticated would hide a refused password.
        let probes = faults.map(|fault| {
            let recovery = subject.profile().drill.recovery.millis();
            let steps = vec![
                Step::fault(fault),
                Step::cut(),
                Step::ask(health(subject), 1).named(UNDER_FAULT),
                Step::recover(recovery),
            ];
            drill(subject, steps)
        });
        Ask::Questions(probes.map(|probe| Question::new(probe, "health.budget")).into())
    },
    ..COMMON
};

pub(super) const RECOVERS: Check = Check {
    id: "health.deep.recovers",
    rule: "Once the database is back, the health check answers 200 within the declared time, without a restart.",
    rationale: "A pool that keeps its dead connections turns an outage of a minute into one that lasts until a \
                restart.",
    remedy: "Discard connections that failed, check those that were idle before use, and open new ones. Here the pool \
             does. SQLAlchemy: `pool_pre_ping=True`. node-postgres: listen for `error` on the pool.",
    ask: |subject| {
        let probes = [Fault::Refuse, Fault::BlackHole].map(|fault| under(subject, fault, health(subject)));
        Ask::Questions(probes.map(|probe| Question::new(probe, "drill.recovery")).into())
    },
    judge: |subject, exchanges| {
        let recovery = subject.profile().drill.recovery;
        Verdict::of_answers(exchanges, |exchange| match answer(exchange, RECOVERED) {
            Err(why) => Reading::Unknown(why),
            Ok(reply) => expect([reply], &[200], recovery.millis(), |words| {
                format!(
                    "with the database back GET {} was answered {words}; the profile declares recovery within {recovery}",
                    exchange.request.path
                )
            }),
        })
    },
    passes: &["recovered: 200 in 300 ms"],
    fails: &["recovered: none in 10000 ms", "recovered: 503 in 10000 ms"],
    ..COMMON
};

pub(super) const SINGLE_FLIGHT: Check = Check {
    id: "health.deep.single-flight",
    severity: Severity::Medium,
    rule: "Two hundred health checks at once cost the database a few queries, and no more connections than the pool has.",
    rationale: "If each call of a public health check queries the database, anyone can overload it.",
    remedy: "Let concurrent probes share one query. Here they do. FastAPI: keep the running check in a task that \
             others await, shielded from the first caller's cancellation.",
    ask: |subject| {
        let steps = vec![
            Step::fault(Fault::Latency(300)),
            Step::mark(),
            Step::ask(health(subject), CROWD).named("crowd"),
        ];
        Ask::one(drill(subject, steps), "health.path")
    },
    judge: |subject, exchanges| {
        let most = subject.profile().pool.seen();
        Verdict::of_answers(exchanges, |exchange| {
            let seen = match result(exchange, "crowd") {
                Ok(seen) => seen,
                Err(why) => return vec![Reading::Unknown(why)],
            };
            if seen.answers.is_empty() {
                return vec![Reading::Unknown("no health check was answered".to_owned())];
            }
            let unanswered = seen.answers.iter().find(|reply| reply.answer.is_err());
            let answered = unanswered.map_or(Reading::Holds, |reply| {
                Reading::Broken(format!("one of {CROWD} health checks at once had {}", words(reply)))
            });
            let counts = seen.counts;
            let cheap = Reading::expect(counts.queries <= FEW && counts.most_open <= most, || {
                format!(
                    "{CROWD} health checks at once cost {} queries over at most {} connections; expected are at most \
                     {FEW} and {most}",
                    counts.queries, counts.most_open
                )
            });
            vec![answered, cheap]
        })
    },
    passes: &["crowd: 200 x200 in 400 ms; queries 2; open 2"],
    fails: &[
        "crowd: 200 x200 in 400 ms; queries 200; open 12",
        "crowd: 200 x200 in 400 ms; queries 3; open 40",
    ],
    ..COMMON
};

pub(super) const POOL_EXHAUSTED: Check = Check {
    id: "health.deep.pool-exhausted",
    severity: Severity::Medium,
    rule: "With every connection of the pool in use the health check answers within its budget.",
    rationale: "A check that queues behind the traffic times out under load, and the platform restarts a service \
                that is only busy.",
    remedy: "Give the health check a connection of its own, or a short wait and an answer. Here it has one in reserve.",
    ask: |subject| {
        let Some(path) = subject.profile().drill.reads.first() else {
            return Ask::skip("the profile names no path that uses the pool (drill.reads)");
        };
        let read = Request::new("GET", path.as_str());
        let steps = vec![
            // The pool fills, and then waits.
            Step::ask(read.clone(), 1),
            Step::fault(Fault::Latency(1_000)),
            Step::begin(read, subject.profile().pool.most() * 2),
            Step::pause(300),
            Step::ask(health(subject), 1).named("with-pool-in-use"),
            Step::gather(),
        ];
        Ask::one(drill(subject, steps), "health.budget")
    },
    judge: |subject, exchanges| {
        let budget = subject.profile().health.budget;
        Verdict::of_answers(exchanges, |exchange| match answer(exchange, "with-pool-in-use") {
            Err(why) => Reading::Unknown(why),
            Ok(reply) => expect([reply], &[200, 503], budget.millis(), |words| {
                format!(
                    "with the pool in use GET {} was answered {words}; the profile declares a budget of {budget}",
                    exchange.request.path
                )
            }),
        })
    },
    passes: &["with-pool-in-use: 200 in 1100 ms"],
    fails: &["with-pool-in-use: 503 in 9000 ms", "with-pool-in-use: none in 15000 ms"],
    ..COMMON
};

const CROWD: u32 = 200;
/// Allows for checks that overlap without starting together, and for a pool's own queries before use.
const FEW: u64 = 10;

fn unhealthy(subject: &Subject<'_>, exchanges: &[Exchange]) -> Verdict {
    let budget = subject.profile().health.budget;
    Verdict::of_answers(exchanges, |exchange| {
        let (reply, drilled) = match (answer(exchange, UNDER_FAULT), seen(exchange)) {
            (Ok(reply), Ok(drilled)) => (reply, drilled),
            (Err(why), _) | (_, Err(why)) => return Reading::Unknown(why),
        };
        let Some(fault) = fault(exchange) else {
            return Reading::Unknown("no drill was run".to_owned());
        };
        if drilled.before == Steady::Unasked {
            return Reading::Unknown("the candidate's health before the fault is not known".to_owned());
        }
        expect([reply], &[503], budget.millis(), |words| {
            format!(
                "while {fault} GET {} was answered {words}; expected is 503 within the budget of {budget}",
                exchange.request.path
            )
        })
    })
}
