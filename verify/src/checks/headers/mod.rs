//! Headers that instruct the browser, on every answer.

mod cookies;
mod encoding;
mod security;

use crate::model::check::Check;

pub(super) const CHECKS: &[&Check] = &[&security::CHECK, &cookies::CHECK, &encoding::CHECK];
