//! The way to PostgreSQL: a pool that any transaction pooler can stand in front of.

#[cfg(feature = "embedded-postgres")]
pub mod embedded;
mod error;
mod lease;
pub(crate) mod ping;
mod pool;
mod tls;
pub(crate) mod url;

pub use error::DatabaseError;
pub use pool::Database;
