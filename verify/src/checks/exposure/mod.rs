//! Documentation, files, secrets and endpoints that must not be public.

mod banner;
mod canary;
mod debug;
mod docs;
mod files;
mod graphql;
mod secrets;
mod traversal;

use crate::model::check::{Check, Question, Reading, Subject, Verdict, judgeable};
use crate::model::exchange::{Exchange, Response};
use crate::model::probe::Probe;

pub(super) const CHECKS: &[&Check] = &[
    &docs::CHECK,
    &graphql::CHECK,
    &files::ENV,
    &files::VCS,
    &files::KEYS_AND_BACKUPS,
    &traversal::CHECK,
    &debug::CHECK,
    &banner::CHECK,
    &secrets::CHECK,
    &canary::CHECK,
];

/// The control first, then each path.
fn control_and(paths: &[&str], promise: &str) -> Vec<Question> {
    let control = std::iter::once(Subject::unknown_path());
    control.chain(paths.iter().copied()).map(|path| Question::new(Probe::get(path), promise)).collect()
}

/// A path's answer, compared with the control's: the answer to an unknown path.
enum Content {
    /// No success, or the page that answers every path: a single-page application exposes nothing by it.
    None,
    /// A success of its own.
    Own,
    /// Both succeed and differ, as the pages of two unknown paths may.
    Unknown(String),
}

/// Compares each answer with the control's.
fn against_control(
    exchanges: &[Exchange],
    read: impl Fn(&Exchange, &Response, Content) -> Reading,
) -> Verdict {
    let control = match exchanges.first().map(judgeable) {
        Some(Ok(control)) => control,
        Some(Err(why)) => return Verdict::Inconclusive(why),
        None => return Verdict::Inconclusive("the control was not asked".to_owned()),
    };
    Verdict::of_each(exchanges, |exchange, response| {
        if exchange.request.path == Subject::unknown_path() {
            return Reading::Holds;
        }
        let success = |response: &Response| (200..300).contains(&response.status);
        let content = match (success(response), success(control)) {
            (true, true) if response.body != control.body => {
                let (path, status) = (&exchange.request.path, control.status);
                Content::Unknown(format!("GET {path} has a page, but so has every unknown path ({status})"))
            }
            (true, false) => Content::Own,
            _ => Content::None,
        };
        read(exchange, response, content)
    })
}
