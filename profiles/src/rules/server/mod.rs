//! Rules about the service: its limits, its connections, and what it shows.

pub(super) mod client_ip;
pub(super) mod connections;
pub(super) mod docs;
pub(super) mod drain;
pub(super) mod header_limit;
pub(super) mod metrics;
pub(super) mod timeouts;
