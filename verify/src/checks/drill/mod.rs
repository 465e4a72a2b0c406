//! A release candidate under faults of its database, its environment and its platform.

mod database;
mod start;
mod stop;

use crate::model::check::Check;

pub(super) const CHECKS: &[&Check] = &[
    &database::FAIL_FAST,
    &database::STALE_CONNECTIONS,
    &database::TRANSACTION_MODE,
    &start::SECRETS,
    &start::PORT_AND_BIND,
    &stop::DRAINS,
    &stop::DEADLINE,
];
