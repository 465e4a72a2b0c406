//! Real parts that can be broken on purpose: PostgreSQL, PgBouncer, certificates, ports, and a fault proxy.
//!
//! Dropping a part ends its processes and removes its files, also when a test panics.
//!
//! Functions that start a part return an error, because `verify drill` shows it to its user. Functions that only tests
//! call on a running part panic with the cause.

mod authority;
mod backlog;
mod error;
mod pgbouncer;
mod port;
mod postgres;
mod programs;
mod proxy;
mod unprivileged;

pub use authority::{Authority, Certificate, THIS_MACHINE};
pub use backlog::FullBacklog;
pub use error::StartError;
pub use pgbouncer::PgBouncer;
pub use port::Port;
pub use postgres::{PASSWORD, Postgres, url};
pub use proxy::{AUTH_ERROR, Counts, Fault, FaultProxy, Gauge, QUERY_ERROR, Upstream};
