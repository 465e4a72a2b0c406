//! The data of a run: what is sent, what came back, and what a check is.

pub mod check;
pub mod drill;
pub mod drilled;
pub mod evidence;
pub mod exchange;
pub mod missing;
pub mod probe;
pub(crate) mod redact;
pub mod tls;
