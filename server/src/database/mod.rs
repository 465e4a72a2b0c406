//! PostgreSQL: a pool that works behind any transaction pooler.

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
