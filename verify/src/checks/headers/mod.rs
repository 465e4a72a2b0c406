//! What every answer says to the browser that receives it.

mod cookies;
mod encoding;
mod security;

use crate::model::check::Check;

pub(super) const CHECKS: &[&Check] = &[&security::CHECK, &cookies::CHECK, &encoding::CHECK];
