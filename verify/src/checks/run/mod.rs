//! Whether the target answers, and whether its answers can be judged.

mod control;
mod reachable;
mod release;
mod server_errors;

pub(crate) use release::runs_release;

use crate::check::Check;

pub(super) const CHECKS: &[&Check] =
    &[&reachable::CHECK, &control::CHECK, &release::CHECK, &server_errors::CHECK];
