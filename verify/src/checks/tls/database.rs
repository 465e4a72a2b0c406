//! The database's certificate is verified.

use crate::checks::drilled::{drill, fault, health, result};
use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict};
use crate::model::drill::{Change, Fault, Step};

pub(super) const CHECK: Check = Check {
    id: "tls.db.verified",
    severity: Severity::High,
    needs: Needs::Drill,
    rule: "With `sslmode=verify-full` the service sends no user name to a database that has no TLS or a \
           certificate that cannot be verified.",
    rationale: "Encryption without verification encrypts to any server that answers; it receives the password and \
                all data.",
    remedy: "Verify chain and host name. Here TLS cannot fall back. asyncpg: pass `ssl.create_default_context()`. \
             node-postgres: no `rejectUnauthorized: false`.",
    references: &[
        "https://www.postgresql.org/docs/current/libpq-ssl.html",
        "https://cwe.mitre.org/data/definitions/295.html",
    ],
    requirements: &["FR-002", "v5.0.0-12.3.2"],
    ask: |subject| {
        let faults = [Fault::SelfSigned, Fault::WrongHost, Fault::Plaintext];
        let probes = faults.map(|fault| {
            let steps = vec![
                Step::fault(fault),
                Step::start(Change::VerifiedDatabase).named("start"),
                Step::ask(health(subject), 1).named("health"),
            ];
            drill(subject, steps)
        });
        Ask::Questions(probes.map(|probe| Question::new(probe, "database.tls")).into())
    },
    judge: |_, exchanges| {
        Verdict::of_answers(exchanges, |exchange| {
            let Some(fault) = fault(exchange) else {
                return Reading::Unknown("no drill was run".to_owned());
            };
            match (result(exchange, "start"), result(exchange, "health")) {
                (Err(why), _) | (_, Err(why)) => Reading::Unknown(why),
                (Ok(started), Ok(asked)) => {
                    let trusting = asked.counts.trusting.max(started.counts.trusting);
                    Reading::expect(trusting == 0, || {
                        format!("{fault}: the service went on and sent its user name")
                    })
                }
            }
        })
    },
    passes: &["health: 503 in 9 ms", "start: ended 1 in 90 ms\nhealth: none in 9 ms"],
    fails: &["health: 200 in 9 ms; trusting 1", "health: 503 in 9 ms; trusting 1"],
};
