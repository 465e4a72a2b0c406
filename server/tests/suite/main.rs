//! The service as its clients, its database and its platform see it.
#![expect(clippy::unwrap_used, reason = "clippy knows tests only where `#[test]` stands")]

mod certificates;
mod connections;
mod contract;
mod dependencies;
mod document;
mod drain;
mod faults;
mod health;
mod http;
mod limits;
mod load;
mod log;
mod metrics;
mod pool;
mod pooler;
mod process;
mod read_only;
mod request_ids;
mod support;
mod timeouts;
mod tls;
mod transaction;
mod walls;
mod wire_table;
