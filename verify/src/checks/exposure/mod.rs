//! Nothing is public that should not be.

mod banner;
mod debug;
mod docs;
mod files;
mod secrets;

use crate::check::{Check, Question, Subject};
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

/// Whether an answer is content of its own: a success that differs from what any unknown path gets.
/// A single-page application answers every path with the same page, which exposes nothing.
fn is_content(control: &Exchange, response: &Response) -> bool {
    let same = control
        .response()
        .is_ok_and(|control| control.status == response.status && control.body == response.body);
    (200..300).contains(&response.status) && !same
}
