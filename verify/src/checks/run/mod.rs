//! Whether the target answers, and whether its answers can be judged.

mod addresses;
mod control;
mod reachable;
mod release;
mod server_errors;
mod waivers;

pub(crate) use release::runs_release;
pub(crate) use waivers::CHECK as WAIVERS;

use crate::model::check::Check;

pub(super) const CHECKS: &[&Check] = &[
    &reachable::CHECK,
    &addresses::CHECK,
    &control::CHECK,
    &release::CHECK,
    &server_errors::CHECK,
    &waivers::CHECK,
];
