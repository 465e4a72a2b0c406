//! The catalogue: one folder a family, one file an idea. A new check is a file, a `mod` line and a table line.

pub mod asvs;
mod cors;
mod drill;
pub(crate) mod drilled;
mod errors;
pub mod example;
mod exposure;
mod headers;
mod health;
mod http1;
mod http2;
mod load;
mod method;
pub mod reference;
mod run;
mod tls;

pub(crate) use run::{WAIVERS, runs_release};

use crate::model::check::Check;

/// Every check, in the order of reports.
pub fn all() -> impl Iterator<Item = &'static Check> {
    [
        run::CHECKS,
        cors::CHECKS,
        health::CHECKS,
        exposure::CHECKS,
        errors::CHECKS,
        method::CHECKS,
        http1::CHECKS,
        http2::CHECKS,
        tls::CHECKS,
        headers::CHECKS,
        load::CHECKS,
        drill::CHECKS,
    ]
    .into_iter()
    .flatten()
    .copied()
}
