//! From evidence to findings: pure, and the same however the evidence was obtained.

use crate::check::{Check, Verdict};
use crate::exchange::{Answer, Evidence, Exchange, Request};
use crate::plan::{Asked, Plan};

/// What one check found.
pub struct Judgement {
    pub check: &'static Check,
    pub verdict: Verdict,
    /// The setting whose promise was tested; for a failure, the one that was broken.
    pub promise: String,
    /// The request that shows it best: the first failure's, else the first one's.
    pub request: Option<Request>,
}

pub fn judge(plan: &Plan<'_>, evidence: &Evidence) -> Vec<Judgement> {
    let all: Vec<Exchange> = plan
        .probes
        .iter()
        .map(|probe| evidence.find(probe).cloned().unwrap_or_else(|| unprobed(&probe.request)))
        .collect();
    plan.checks
        .iter()
        .map(|planned| {
            let check = planned.check;
            match &planned.asked {
                Asked::Skipped(why) => Judgement {
                    check,
                    verdict: Verdict::NotApplicable(why.clone()),
                    promise: "verify.families".to_owned(),
                    request: None,
                },
                Asked::Everything { promise } => {
                    let verdict = (check.judge)(&plan.subject, &all);
                    let request = first_failure(&verdict)
                        .and_then(|index| all.get(index))
                        .map(|exchange| exchange.request.clone());
                    Judgement { check, verdict, promise: promise.clone(), request }
                }
                Asked::Probes(asked) => {
                    let exchanges: Vec<Exchange> =
                        asked.iter().map(|(index, _)| all[*index].clone()).collect();
                    let verdict = (check.judge)(&plan.subject, &exchanges);
                    let shown = first_failure(&verdict).unwrap_or(0);
                    let promise = asked.get(shown).map(|(_, promise)| promise.clone()).unwrap_or_default();
                    let request = exchanges.get(shown).map(|exchange| exchange.request.clone());
                    Judgement { check, verdict, promise, request }
                }
            }
        })
        .collect()
}

fn first_failure(verdict: &Verdict) -> Option<usize> {
    match verdict {
        Verdict::Fail(failures) => failures.first().map(|failure| failure.question),
        _ => None,
    }
}

fn unprobed(request: &Request) -> Exchange {
    Exchange {
        request: request.clone(),
        answer: Answer::Missing("not in the evidence".to_owned()),
        elapsed_ms: 0,
        received_ms: 0,
    }
}
