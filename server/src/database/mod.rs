//! The way to PostgreSQL: a pool that any transaction pooler can stand in front of.

pub(crate) mod access;
mod error;
mod handle;
mod messages;
pub(crate) mod ping;
mod pool;
pub(crate) mod tls;
mod transaction;
mod transport;
pub(crate) mod url;

pub use error::DatabaseError;
pub use handle::{Database, Until};
pub use pool::metrics::PoolMetrics;
pub use transaction::{Parameters, Transaction};
