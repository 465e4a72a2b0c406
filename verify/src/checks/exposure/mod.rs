//! Nothing is public that should not be.

mod banner;
mod debug;
mod docs;
mod files;
mod secrets;

use crate::check::{Check, Question, Reading, Subject, Verdict, judgeable};
use crate::exchange::{Exchange, Response};
use crate::probe::Probe;

pub(super) const CHECKS: &[&Check] = &[
    &docs::CHECK,
    &files::ENV,
    &files::VCS,
    &files::KEYS_AND_BACKUPS,
    &debug::CHECK,
    &banner::CHECK,
    &secrets::CHECK,
];

/// The control first, then each path.
fn control_and(paths: &[&str], promise: &str) -> Vec<Question> {
    let control = std::iter::once(Subject::unknown_path());
    control.chain(paths.iter().copied()).map(|path| Question::new(Probe::get(path), promise)).collect()
}

/// Reads each answer beside the control's. `broken` is told whether the answer is content of its own: a success
/// that differs from what any unknown path gets. A single-page application answers every path with the same
/// page, which exposes nothing.
fn against_control(
    exchanges: &[Exchange],
    broken: impl Fn(&Exchange, &Response, bool) -> Option<String>,
) -> Verdict {
    let Some(control) = exchanges.first() else {
        return Verdict::Inconclusive("the control was not asked".to_owned());
    };
    let control = match judgeable(control) {
        Ok(control) => (control.status, &control.body),
        Err(why) => return Verdict::Inconclusive(why),
    };
    let control_path = Subject::unknown_path();
    Verdict::of_each(exchanges, |exchange, response| {
        if exchange.request.path == control_path {
            return Reading::Holds;
        }
        let content = (200..300).contains(&response.status) && (response.status, &response.body) != control;
        broken(exchange, response, content).map_or(Reading::Holds, Reading::Broken)
    })
}
