//! Rules about what pages of other origins may do.

pub(super) mod headers;
pub(super) mod max_age;
pub(super) mod origins;
pub(super) mod previews;
