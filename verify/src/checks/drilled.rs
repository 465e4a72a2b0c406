//! Helpers with which checks ask for a drill and read it.

use crate::model::check::{Reading, Subject, Verdict};
use crate::model::drill::{Action, Fault, Step};
use crate::model::drilled::{Drilled, Steady, StepResult, TimedReply, summary};
use crate::model::exchange::{Answer, Exchange, Means, Request, Response};
use crate::model::probe::Probe;

/// The tolerated delay beyond a promise: processes start and sockets open meanwhile.
const SLACK_MS: u64 = 500;

/// The steps, shown as a question to the health path.
pub(super) fn drill(subject: &Subject<'_>, steps: Vec<Step>) -> Probe {
    Probe::get(subject.health()).by(Means::Drill(steps))
}

/// A fault, one question under it ([`UNDER_FAULT`]), and the repair ([`RECOVERED`]). Checks that read the same answer
/// ask with the same steps.
pub(super) fn under(subject: &Subject<'_>, fault: Fault, request: Request) -> Probe {
    let recovery = subject.profile().drill.recovery.millis();
    let steps = vec![
        Step::fault(fault),
        Step::ask(request, 1).named(UNDER_FAULT),
        Step::recover(recovery).named(RECOVERED),
    ];
    drill(subject, steps)
}

/// The answer while the fault lasts.
pub(super) const UNDER_FAULT: &str = "under-fault";
/// The first healthy answer after the repair.
pub(super) const RECOVERED: &str = "recovered";

pub(super) fn health(subject: &Subject<'_>) -> Request {
    Request::new("GET", subject.health())
}

/// The drill's results, unless they prove nothing: it did not run, or the candidate was not healthy before it.
pub(super) fn seen(exchange: &Exchange) -> Result<&Drilled, String> {
    match &exchange.answer {
        Answer::Drilled(Drilled { before: before @ Steady::Not { .. }, .. }) => {
            Err(format!("before the drill the candidate was {before}"))
        }
        Answer::Drilled(drilled) => Ok(drilled),
        other => Err(other.missing().to_string()),
    }
}

/// The result of the step with this name.
pub(super) fn result<'a>(exchange: &'a Exchange, name: &str) -> Result<&'a StepResult, String> {
    seen(exchange)?
        .result(steps(exchange), name)
        .ok_or_else(|| format!("the drill has no result named `{name}`"))
}

/// The requested steps.
pub(super) fn steps(exchange: &Exchange) -> &[Step] {
    match &exchange.request.means {
        Means::Drill(steps) => steps,
        _ => &[],
    }
}

/// The fault of the drill.
pub(super) fn fault(exchange: &Exchange) -> Option<Fault> {
    steps(exchange).iter().find_map(|step| match step.action {
        Action::Fault(fault) => Some(fault),
        _ => None,
    })
}

/// The only answer of a step.
pub(super) fn answer<'a>(exchange: &'a Exchange, name: &str) -> Result<&'a TimedReply, String> {
    result(exchange, name)?.answer().ok_or_else(|| format!("`{name}` of the drill has no answer"))
}

/// `503 in 12 ms`, or why there is no answer.
pub(super) fn words(reply: &TimedReply) -> String {
    summary([reply])
}

/// Holds if each answer has one of the statuses and is in time; else describes the others.
pub(super) fn expect<'a>(
    replies: impl IntoIterator<Item = &'a TimedReply>,
    statuses: &[u16],
    within_ms: u64,
    else_say: impl FnOnce(String) -> String,
) -> Reading {
    let right = |reply: &TimedReply| {
        let expected = reply.answer.as_ref().is_ok_and(|response| statuses.contains(&response.status));
        expected && reply.after_ms <= within_ms + SLACK_MS
    };
    let wrong: Vec<&TimedReply> = replies.into_iter().filter(|reply| !right(reply)).collect();
    Reading::expect(wrong.is_empty(), || else_say(summary(wrong)))
}

/// The finding of a live check on such an answer.
pub(super) fn faults(verdict: Verdict) -> Vec<String> {
    match verdict {
        Verdict::Fail(failures) => failures.into_iter().map(|failure| failure.observed).collect(),
        _ => Vec::new(),
    }
}

/// An answer of a step as the live checks read it.
pub(super) fn as_exchange(request: Request, response: &Response) -> Exchange {
    Exchange { request, answer: Answer::Received(response.clone()), elapsed_ms: 0, received_ms: 0 }
}
