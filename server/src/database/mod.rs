//! The way to PostgreSQL: a pool that any transaction pooler can stand in front of.

#[cfg_attr(not(feature = "embedded-postgres"), path = "not_embedded.rs")]
pub mod embedded;
mod error;
mod idle;
mod lease;
pub(crate) mod ping;
mod pool;
mod tls;
pub(crate) mod url;

pub use error::DatabaseError;
pub use pool::Database;
