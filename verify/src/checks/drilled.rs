//! How checks ask for a drill, and read it.

use crate::model::check::{Reading, Subject};
use crate::model::drill::{Drilled, Fault, Steady, Step, StepResult, TimedReply};
use crate::model::exchange::{Answer, Exchange, Means, Request, Response};
use crate::model::probe::Probe;

/// How much later than promised is still on time: processes start and sockets are opened meanwhile.
const SLACK_MS: u64 = 500;

/// The steps, shown as a question to the health path.
pub(super) fn drill(subject: &Subject<'_>, steps: Vec<Step>) -> Probe {
    Probe::get(subject.health()).by(Means::Drill(steps))
}

/// A fault, one question under it, and the repair. Checks that read the same answer ask with the same steps.
pub(super) fn under(subject: &Subject<'_>, fault: Fault, request: Request) -> Probe {
    let recovery = subject.profile().drill.recovery.millis();
    drill(subject, vec![Step::Fault(fault), Step::Ask(request, 1), Step::Recover(recovery)])
}

pub(super) fn health(subject: &Subject<'_>) -> Request {
    Request::new("GET", subject.health())
}

/// What the drill's steps showed, unless it shows nothing: it did not run, or the candidate was not well before.
pub(super) fn seen(exchange: &Exchange) -> Result<&Drilled, String> {
    match &exchange.answer {
        Answer::Drilled(Drilled { before: before @ Steady::Not { .. }, .. }) => {
            Err(format!("before the drill the candidate was {before}"))
        }
        Answer::Drilled(drilled) => Ok(drilled),
        other => Err(other.missing().to_string()),
    }
}

/// Reads the drill's step with this number.
pub(super) fn step(exchange: &Exchange, number: usize) -> Result<&StepResult, String> {
    seen(exchange)?.steps.get(number).ok_or_else(|| format!("the drill has no step {number}"))
}

/// The fault with which the drill begins.
pub(super) fn fault(exchange: &Exchange) -> Option<Fault> {
    match &exchange.request.means {
        Means::Drill(steps) => match steps.first() {
            Some(Step::Fault(fault)) => Some(*fault),
            _ => None,
        },
        _ => None,
    }
}

/// The only answer of a step.
pub(super) fn answer(exchange: &Exchange, number: usize) -> Result<&TimedReply, String> {
    step(exchange, number)?.answers.first().ok_or_else(|| format!("step {number} of the drill has no answer"))
}

/// `503 in 12 ms`, or why there is no answer.
pub(super) fn words(reply: &TimedReply) -> String {
    match &reply.answer {
        Ok(response) => format!("{} in {} ms", response.status, reply.after_ms),
        Err(why) => format!("no answer ({why})"),
    }
}

/// Holds if the answer has one of the statuses and came in time.
pub(super) fn expect(
    reply: &TimedReply,
    statuses: &[u16],
    within_ms: u64,
    else_say: impl Fn(String) -> String,
) -> Reading {
    let right = reply.answer.as_ref().is_ok_and(|response| statuses.contains(&response.status));
    Reading::expect(right && reply.after_ms <= within_ms + SLACK_MS, || else_say(words(reply)))
}

/// An answer of a step as the live checks read it.
pub(super) fn as_exchange(request: Request, response: &Response) -> Exchange {
    Exchange { request, answer: Answer::Received(response.clone()), elapsed_ms: 0, received_ms: 0 }
}
