//! The health check tells the truth, freshly, and no more than that.

mod contract;
mod fresh;
mod leak;

use crate::check::Check;

pub(super) const CHECKS: &[&Check] = &[
    &contract::STATUS_AND_TYPE,
    &contract::SCHEMA,
    &contract::ENVIRONMENT,
    &contract::STATUS_AGREES_WITH_BODY,
    &fresh::TIMESTAMP_MOVES,
    &fresh::NOT_CACHED,
    &fresh::LATENCY,
    &leak::CHECK,
];
