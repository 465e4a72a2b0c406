//! A connection in use: returned to the pool only after a complete answer.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Object;
use tokio::runtime::Handle;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use tokio_postgres::Client;

use super::cancel::cancel;
use super::metrics::Counters;
use super::recycle::Recycler;
use crate::database::DatabaseError;
use crate::database::access::DatabaseAccess;
use crate::database::error::leaves_the_connection;

/// The longest that a cancel request may take; after it the server itself must notice the closed connection.
const CANCEL: Duration = Duration::from_secs(1);

/// The context for ending a lease.
pub(super) struct LeaseContext {
    pub(super) access: DatabaseAccess,
    pub(super) recycler: Arc<Recycler>,
    pub(super) counters: Arc<Counters>,
    /// Whether an unanswered statement is cancelled: its connection then keeps its place a moment longer.
    pub(super) cancels: bool,
}

/// If the lease is dropped early, by a deadline, a disconnected client or a broken connection, its statement may still
/// run, and the next user would wait for it. So the statement is cancelled and the connection discarded.
pub(in crate::database) struct Lease {
    connection: Option<Object>,
    context: Arc<LeaseContext>,
}

impl Lease {
    pub(super) fn new(connection: Object, context: Arc<LeaseContext>) -> Self {
        Self { connection: Some(connection), context }
    }

    pub(in crate::database) fn client(&self) -> &Client {
        self.connection.as_ref().expect("taken only at the lease's end")
    }

    /// Whether it has been used before, so that it may have been lost since.
    pub(in crate::database) fn is_used(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| Object::metrics(connection).recycle_count > 0)
    }

    /// Ends the lease with the answer, or without one at the deadline.
    pub(in crate::database) fn settle<T>(mut self, answer: Answer<T>) -> Result<T, DatabaseError> {
        let (is_sound, answer) = self.judge(answer);
        if is_sound {
            self.give_back();
        }
        answer
    }

    /// Continues the lease, if the connection is still usable.
    pub(in crate::database) fn keep<T>(
        mut self,
        answer: Answer<T>,
    ) -> (Option<Self>, Result<T, DatabaseError>) {
        let (is_sound, answer) = self.judge(answer);
        (is_sound.then_some(self), answer)
    }

    /// Whether the connection is still usable.
    fn judge<T>(&mut self, answer: Answer<T>) -> (bool, Result<T, DatabaseError>) {
        match answer {
            Ok(Ok(answer)) => (true, Ok(answer)),
            Ok(Err(error)) if leaves_the_connection(&error) => (true, Err(DatabaseError::from(&error))),
            Ok(Err(error)) => {
                let failure = DatabaseError::from(&error);
                if failure == DatabaseError::ReadOnly {
                    self.close_inside_a_transaction();
                } else if error.as_db_error().is_some() {
                    // PostgreSQL has ended the session, so there is no statement to cancel.
                    drop(self.discard());
                }
                (false, Err(failure))
            }
            Err(_) => (false, Err(DatabaseError::Timeout)),
        }
    }

    fn discard(&mut self) -> Option<Discarded> {
        let connection = self.connection.take()?;
        self.context.counters.discarded.add(1);
        self.context.recycler.suspect();
        Some(Discarded(Some(connection)))
    }

    /// Ends the lease of a read-only session.
    pub(in crate::database) fn evict<T>(mut self) -> Result<T, DatabaseError> {
        self.close_inside_a_transaction();
        Err(DatabaseError::ReadOnly)
    }

    /// Closes a read-only session, so that a new one is used when the database accepts writes again.
    ///
    /// It is closed inside a transaction: a pooler in between then closes the server's session too, instead of giving
    /// it to the next client (PgBouncer, "unclean server").
    fn close_inside_a_transaction(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        self.context.counters.discarded.add(1);
        self.context.recycler.condemn();
        let connection = Discarded(Some(connection));
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            if let Some(session) = &connection.0 {
                // Without effect when it fails: the connection is gone either way.
                let _ = timeout(CANCEL, session.batch_execute("begin")).await;
            }
            drop(connection);
        });
    }

    /// Only after a complete answer, and outside a transaction.
    pub(in crate::database) fn give_back(&mut self) {
        drop(self.connection.take());
    }
}

/// The answer of PostgreSQL or the driver, or a timeout at the deadline.
type Answer<T> = Result<Result<T, tokio_postgres::Error>, Elapsed>;

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(connection) = self.discard().filter(|_| self.context.cancels) else {
            return;
        };
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let context = Arc::clone(&self.context);
        // The connection stays open until the request has been received: a pooler finds the statement by it. It also
        // keeps its place in the pool, so that the profile's limit is never exceeded.
        runtime.spawn(async move {
            let Some(request) = connection.0.as_ref().map(|connection| connection.cancel_token()) else {
                return;
            };
            // Without effect when it fails: the connection is gone either way.
            let _ = timeout(CANCEL, cancel(&request, &context.access)).await;
            drop(connection);
        });
    }
}

/// A connection that never returns to the pool.
struct Discarded(Option<Object>);

impl Drop for Discarded {
    fn drop(&mut self) {
        drop(self.0.take().map(Object::take));
    }
}
