//! HTTP/2 where it is declared, and nowhere else.

mod declared;
mod fields;

use crate::model::check::Check;

pub(super) const CHECKS: &[&Check] = &[&declared::CHECK, &fields::CHECK];
