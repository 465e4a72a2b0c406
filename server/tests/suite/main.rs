//! The service as its clients, its database and its platform see it.
#![expect(clippy::unwrap_used, reason = "clippy knows tests only where `#[test]` stands")]

mod contract;
mod drain;
mod health;
mod http;
mod pool;
mod process;
mod support;
mod tree;
