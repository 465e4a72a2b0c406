//! `verify list`: every check, a line each.

use super::output::show;
use super::{Done, RunError};
use crate::checks::reference;

pub(super) fn list() -> Result<Done, RunError> {
    show(&reference::list())
}
