//! Errors are well formed, and tell a client what to do without telling a stranger how it works inside.

mod leak;
mod outage;
mod reflect;
mod request_id;
mod shape;

use crate::model::check::Check;

pub(super) const CHECKS: &[&Check] =
    &[&shape::CHECK, &leak::CHECK, &reflect::CHECK, &request_id::CHECK, &outage::CHECK];
