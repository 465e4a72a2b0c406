//! The health check keeps its contract, is current, and shows no internals.

mod contract;
mod deep;
mod fresh;
pub(in crate::checks) mod leak;
mod outage;
mod platform;

use crate::model::check::Check;

pub(super) const CHECKS: &[&Check] = &[
    &contract::STATUS_AND_TYPE,
    &contract::SCHEMA,
    &contract::ENVIRONMENT,
    &contract::STATUS_AGREES_WITH_BODY,
    &fresh::TIMESTAMP_MOVES,
    &fresh::NOT_CACHED,
    &fresh::LATENCY,
    &leak::CHECK,
    &deep::DB_DOWN,
    &deep::DB_BLACKHOLE,
    &deep::DB_LIES,
    &deep::RECOVERS,
    &deep::SINGLE_FLIGHT,
    &deep::POOL_EXHAUSTED,
    &outage::CONTRACT,
    &outage::NO_INTERNALS,
    &platform::CHECK,
];
