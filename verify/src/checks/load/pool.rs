//! The pool has the declared size.

use crate::checks::drilled::{drill, health, result};
use crate::model::check::{Ask, Check, Needs, Reading, Severity, Verdict};
use crate::model::drill::{Fault, Step};
use crate::model::exchange::Request;

pub(super) const CHECK: Check = Check {
    id: "load.pool.bound",
    severity: Severity::Medium,
    needs: Needs::Drill,
    rule: "Under any number of requests at once, the service opens no more database connections than the pool's \
           declared maximum.",
    rationale: "All replicas share the database's limit: one that opens a connection per request takes them all, \
                and the others fail.",
    remedy: "Take every connection from one pool with a fixed size. Here: `pool.size` and `pool.overflow`. SQLAlchemy: \
             one engine per process, `pool_size` and `max_overflow`.",
    references: &["https://cwe.mitre.org/data/definitions/770.html"],
    requirements: &["FR-002", "v5.0.0-13.2.6"],
    ask: |subject| {
        let reads = subject.profile().drill.reads.iter().map(|path| Request::new("GET", path.as_str()));
        let mut requests: Vec<Request> = reads.collect();
        if requests.is_empty() {
            requests.push(health(subject));
        }
        let mut steps = vec![Step::fault(Fault::Latency(100)), Step::mark()];
        steps.extend(requests.into_iter().map(|request| Step::begin(request, CROWD)));
        steps.push(Step::gather().named("crowd"));
        Ask::one(drill(subject, steps), "pool.size")
    },
    judge: |subject, exchanges| {
        let pool = &subject.profile().pool;
        Verdict::of_answers(exchanges, |exchange| match result(exchange, "crowd") {
            Err(why) => Reading::Unknown(why),
            Ok(seen) if !seen.answers.iter().any(|reply| reply.answer.is_ok()) => {
                Reading::Unknown("nothing was answered".to_owned())
            }
            Ok(seen) => Reading::expect(seen.counts.most_open <= pool.seen(), || {
                format!(
                    "{CROWD} requests of each path at once opened {} connections; the profile declares at \
                     most {} and one for the health check",
                    seen.counts.most_open,
                    pool.most()
                )
            }),
        })
    },
    passes: &["crowd: 200 x100 in 300 ms; open 12"],
    fails: &["crowd: 200 x100 in 300 ms; open 100"],
};

const CROWD: u32 = 100;
