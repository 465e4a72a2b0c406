//! The way to PostgreSQL: a pool that any transaction pooler can stand in front of.

pub(crate) mod access;
mod cancel;
mod dial;
#[cfg_attr(not(feature = "embedded-postgres"), path = "not_embedded.rs")]
pub mod embedded;
mod error;
mod fitness;
mod jitter;
mod lane;
mod lease;
mod metrics;
pub(crate) mod ping;
mod pool;
pub(crate) mod tls;
mod transaction;
mod trim;
pub(crate) mod url;

pub use error::DatabaseError;
pub use metrics::Metrics;
pub use pool::{Database, Parameters, Until};
pub use transaction::Transaction;
