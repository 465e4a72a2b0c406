//! Connections to PostgreSQL: opened, handed out, checked, given back and closed.

mod cancel;
pub(super) mod connections;
mod dial;
mod jitter;
pub(super) mod lease;
pub(super) mod metrics;
mod recycle;
mod trim;
