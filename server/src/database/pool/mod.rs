//! Connections to PostgreSQL: opened, handed out, checked, returned and closed.

mod cancel;
pub(super) mod connections;
mod dial;
mod jitter;
pub(super) mod lease;
pub(super) mod metrics;
mod recycle;
mod trim;
