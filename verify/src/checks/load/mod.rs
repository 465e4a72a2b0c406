//! The service under many requests at once.

mod burst;
mod pool;
mod rate;

use crate::model::check::Check;

pub(super) const CHECKS: &[&Check] = &[&burst::CHECK, &rate::CHECK, &pool::CHECK];
