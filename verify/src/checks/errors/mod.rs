//! Errors are well formed, tell the client what to do, and show no internals.

mod leak;
mod outage;
mod reflect;
mod request_id;
mod shape;

use crate::model::check::Check;

pub(super) const CHECKS: &[&Check] =
    &[&shape::CHECK, &leak::CHECK, &reflect::CHECK, &request_id::CHECK, &outage::CHECK];
