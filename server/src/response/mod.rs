//! Answers: a reply, or the refusal of a request.

pub(crate) mod refusal;
pub(crate) mod reply;
pub(crate) mod timestamp;
