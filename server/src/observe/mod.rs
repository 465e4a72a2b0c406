//! What the service tells of itself: its log, one line for each request, and its metrics.

pub(crate) mod access_log;
pub mod log;
pub(crate) mod metrics;
pub(crate) mod request_scope;
pub(crate) mod route_label;
