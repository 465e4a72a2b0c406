//! HTTP/2 where it is declared, and nowhere else.

mod declared;

use crate::check::Check;

pub(super) const CHECKS: &[&Check] = &[&declared::CHECK];
