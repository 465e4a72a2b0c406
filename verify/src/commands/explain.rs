//! `verify explain ID`: everything about a check or a family.

use super::output::show;
use super::{Done, RunError};
use crate::checks::reference;

pub(super) fn explain(id: String) -> Result<Done, RunError> {
    show(&reference::explain(&id).ok_or(RunError::UnknownCheck(id))?)
}
