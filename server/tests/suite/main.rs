//! The service as its clients, its database and its platform see it.
#![expect(clippy::unwrap_used, reason = "clippy knows tests only where `#[test]` stands")]

mod contract;
mod document;
mod door;
mod drain;
mod faults;
mod health;
mod http;
mod identity;
mod limits;
mod log;
mod metrics;
mod patience;
mod pool;
mod pooler;
mod process;
mod rig;
mod support;
mod tls;
mod transaction;
mod tree;
mod wire_table;
