//! Real parts that can be broken on purpose: PostgreSQL, PgBouncer, certificates, ports, and a fault proxy.
//!
//! Everything ends and is removed when it is dropped, also when a test panics.
//!
//! What starts a part returns an error, because `verify drill` shows it to its user. What only a test does with a
//! running part panics with what failed.

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
