//! What every answer says to the browser that receives it.

mod cookies;
mod security;

use crate::check::Check;

pub(super) const CHECKS: &[&Check] = &[&security::CHECK, &cookies::CHECK];
