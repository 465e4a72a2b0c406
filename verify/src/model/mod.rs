//! The data of a run: requests, answers, and the type of a check.

pub mod check;
pub mod drill;
pub mod drilled;
pub mod evidence;
pub mod exchange;
pub mod missing;
pub mod probe;
pub(crate) mod redact;
pub mod tls;
