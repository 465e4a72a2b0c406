//! The service's log, the access log and the metrics.

pub(crate) mod access_log;
pub mod log;
pub(crate) mod metrics;
pub(crate) mod request_scope;
pub(crate) mod route_label;
