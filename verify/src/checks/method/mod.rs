//! Methods mean what RFC 9110 says.

mod allow;
mod head;
mod refused;

use crate::model::check::Check;

pub(super) const CHECKS: &[&Check] =
    &[&allow::CHECK, &head::CHECK, &refused::UNKNOWN, &refused::TRACE_CONNECT];
