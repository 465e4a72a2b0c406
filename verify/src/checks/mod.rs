//! The catalogue: one folder a family, one file an idea. A new check is a file, a `mod` line and a table line.

mod cors;
mod errors;
mod exposure;
mod headers;
mod health;
mod method;
mod run;

pub(crate) use run::runs_release;

use crate::check::Check;

/// Every check, in the order of reports.
pub fn all() -> impl Iterator<Item = &'static Check> {
    [
        run::CHECKS,
        cors::CHECKS,
        health::CHECKS,
        exposure::CHECKS,
        errors::CHECKS,
        method::CHECKS,
        headers::CHECKS,
    ]
    .into_iter()
    .flatten()
    .copied()
}
