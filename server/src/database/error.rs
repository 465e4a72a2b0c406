//! Why the database did not answer, as a class: the text of a driver's error may hold anything.

use std::error::Error;
use std::io;

use deadpool_postgres::{PoolError, TimeoutType};
use tokio_postgres::error::SqlState;

#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("every connection of the pool stayed in use")]
    Exhausted,
    #[error("no answer in time")]
    Timeout,
    #[error("the connection could not be opened or was lost: {0:?}")]
    Connection(Option<io::ErrorKind>),
    #[error("no TLS with a valid certificate")]
    Tls,
    #[error("the user or password was not accepted")]
    Authentication,
    #[error("PostgreSQL answered with the error {}", .0.code())]
    Statement(SqlState),
    #[error("the pool is closed")]
    Closed,
}

impl DatabaseError {
    pub fn class(&self) -> &'static str {
        match self {
            Self::Exhausted => "exhausted",
            Self::Timeout => "timeout",
            Self::Connection(Some(io::ErrorKind::ConnectionRefused)) => "refused",
            Self::Connection(_) => "connection",
            Self::Tls => "tls",
            Self::Authentication => "authentication",
            Self::Statement(_) => "statement",
            Self::Closed => "closed",
        }
    }
}

impl From<PoolError> for DatabaseError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Timeout(TimeoutType::Wait) => Self::Exhausted,
            PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => Self::Timeout,
            PoolError::Backend(error) => error.into(),
            PoolError::Closed => Self::Closed,
            PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => Self::Connection(None),
        }
    }
}

impl From<tokio_postgres::Error> for DatabaseError {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(code) = error.code() {
            // Class 28: invalid authorization specification.
            return if code.code().starts_with("28") {
                Self::Authentication
            } else {
                Self::Statement(code.clone())
            };
        }
        // The driver keeps its kinds private; this text is all that tells a refused handshake apart.
        if error.to_string().contains("TLS") || causes(&error).any(<dyn Error>::is::<rustls::Error>) {
            return Self::Tls;
        }
        let kind = causes(&error).find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
        Self::Connection(kind)
    }
}

fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| cause(*error))
}

/// An `io::Error` skips the error that it carries when it is asked for its source.
fn cause<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(carried) => Some(carried),
        None => error.source(),
    }
}
