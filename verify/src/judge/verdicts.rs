//! From evidence to findings: a pure function, the same for live runs and recordings.

use std::borrow::Cow;

use crate::cors::exploit::Exploit;
use crate::judge::plan::{Plan, Planned, Questions};
use crate::judge::responder::{ReleaseMark, Responder};
use crate::model::check::{Check, Failure, Needs, Verdict};
use crate::model::evidence::Evidence;
use crate::model::exchange::{Answer, Exchange, Request};
use crate::model::missing::Missing;
use crate::model::redact::shown;

/// The judgement of one check.
pub struct Judgement {
    pub check: &'static Check,
    pub verdict: Verdict,
    /// The setting whose promise was tested; for a failure, the broken one.
    pub promise: String,
    /// The request to show: the first failure's, else the first one's.
    pub request: Option<Request>,
    /// The responder of a failure's answer, if it is known.
    pub responder: Option<Responder>,
    /// The exploit of a failure about CORS.
    pub exploit: Option<Exploit>,
}

pub fn judge(plan: &Plan<'_>, evidence: &Evidence) -> Vec<Judgement> {
    // Drills judge candidates that do not answer.
    let obstacle = obstacle(plan, evidence).filter(|_| plan.subject.allows != Needs::Drill);
    let mark = ReleaseMark::of(plan, evidence);
    let all: Vec<Cow<'_, Exchange>> = plan
        .probes
        .iter()
        .map(|probe| match evidence.find(probe) {
            Some(exchange) => Cow::Borrowed(exchange),
            None => Cow::Owned(unprobed(&probe.request)),
        })
        .collect();
    plan.checks
        .iter()
        .map(|planned| {
            let judgement = read(planned.check, &planned.questions, plan, &all, mark.as_ref());
            let verdict = match (&obstacle, judgement.verdict) {
                (_, Verdict::NotApplicable(why)) => Verdict::NotApplicable(why),
                // A certificate that browsers refuse is a finding, and explains why every other check has no answer.
                (Some(why), _) if !handshakes_only(planned, plan) => Verdict::Inconclusive(why.clone()),
                (_, verdict) => presentable(verdict),
            };
            Judgement { verdict, ..judgement }
        })
        .collect()
}

/// The reason why no answer says anything about the service, if there is one: it cannot be reached, or a login, a
/// redirect or the platform's edge answers every request in its place.
pub fn obstacle(plan: &Plan<'_>, evidence: &Evidence) -> Option<String> {
    let [health, control, ..] = plan.probes.as_slice() else {
        return None;
    };
    let health = match evidence.find(health)?.response() {
        Ok(health) => health,
        Err(why) => return Some(shown(&why.to_string())),
    };
    let control = evidence.find(control)?.response().ok()?;
    if health.status != control.status {
        return None;
    }
    let who = match health.status {
        300..=399 => "a redirect answers for the service; give the address that it leads to",
        401 | 403 | 407 => "a login answers for the service; let verify pass with --header",
        429 => "a rate limiter answers for the service; try again later",
        502..=504 => "the platform answers for a service that does not run; see the deployment's logs",
        _ => return None,
    };
    Some(format!("{who} (the health check and an unknown path were both answered {})", health.status))
}

fn read(
    check: &'static Check,
    questions: &Questions,
    plan: &Plan<'_>,
    all: &[Cow<'_, Exchange>],
    mark: Option<&ReleaseMark<'_>>,
) -> Judgement {
    let (exchanges, promises): (Vec<Exchange>, Vec<&String>) = match questions {
        Questions::Skipped(why) => {
            let verdict = Verdict::NotApplicable(why.clone());
            let promise = "verify.families".to_owned();
            return Judgement { check, verdict, promise, request: None, responder: None, exploit: None };
        }
        Questions::Everything { promise } => {
            // The answers to ordinary requests; only the check that sends other probes reads their answers.
            let usual = all
                .iter()
                .filter(|exchange| exchange.request.means.is_client() || exchange.request.means.is_drill());
            let usual: Vec<Exchange> = usual.map(|exchange| exchange.as_ref().clone()).collect();
            let promises = vec![promise; usual.len()];
            (usual, promises)
        }
        Questions::Probes(asked) => {
            let judgeable =
                |exchange: &Exchange| mark.map_or_else(|| exchange.clone(), |mark| mark.judgeable(exchange));
            asked.iter().map(|(index, promise)| (judgeable(&all[*index]), promise)).unzip()
        }
    };
    let verdict = (check.judge)(&plan.subject, &exchanges);
    let failed = match &verdict {
        Verdict::Fail(failures) => failures.first().map(|failure| failure.question),
        _ => None,
    };
    // A check that reads every answer has a request to show only if it failed.
    let shown = failed.or(matches!(questions, Questions::Probes(_)).then_some(0));
    let request = shown.and_then(|index| exchanges.get(index)).map(|exchange| exchange.request.clone());
    let responder = failed.and_then(|index| mark?.responder(exchanges.get(index)?));
    let exploit = failed
        .filter(|_| check.is_within("cors"))
        .and_then(|index| Exploit::of(&plan.subject.target, exchanges.get(index)?));
    let promise = promises.get(failed.unwrap_or(0)).map(|promise| (*promise).clone()).unwrap_or_default();
    Judgement { check, verdict, promise, request, responder, exploit }
}

fn handshakes_only(planned: &Planned, plan: &Plan<'_>) -> bool {
    match &planned.questions {
        Questions::Probes(asked) => {
            asked.iter().all(|(index, _)| plan.probes[*index].request.means.is_handshake())
        }
        Questions::Everything { .. } | Questions::Skipped(_) => false,
    }
}

/// Verdicts quote the target: they are escaped before people read them.
fn presentable(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Fail(failures) => Verdict::Fail(
            failures
                .into_iter()
                .map(|failure| Failure { observed: shown(&failure.observed), ..failure })
                .collect(),
        ),
        Verdict::Inconclusive(why) => Verdict::Inconclusive(shown(&why)),
        verdict => verdict,
    }
}

fn unprobed(request: &Request) -> Exchange {
    let answer = Answer::Missing(Missing::NotRecorded);
    Exchange { request: request.clone(), answer, elapsed_ms: 0, received_ms: 0 }
}
