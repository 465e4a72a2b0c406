//! One file per idea; a new rule is a `const` in its file and a line here.

use crate::Rule;

pub(crate) const ALL: &[&Rule] = &[];
