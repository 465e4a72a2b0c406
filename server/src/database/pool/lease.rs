//! A connection while it is used: given back only after a complete answer.

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

/// The longest a cancel request may take; after it the server must see for itself that nobody listens.
const CANCEL: Duration = Duration::from_secs(1);

/// What the end of a lease needs.
pub(super) struct LeaseContext {
    pub(super) access: DatabaseAccess,
    pub(super) recycler: Arc<Recycler>,
    pub(super) counters: Arc<Counters>,
    /// Whether a statement without an answer is cancelled: its connection then keeps its place for a moment more.
    pub(super) cancels: bool,
}

/// Dropped early, by a deadline, because the client went away or because the connection broke, its statement may still
/// run, and the next user would wait for it. So the statement is cancelled and the connection thrown away.
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

    /// Whether it has been used before, so that it may have died since.
    pub(in crate::database) fn is_used(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| Object::metrics(connection).recycle_count > 0)
    }

    /// Ends the lease with what came back, or with nothing before the deadline.
    pub(in crate::database) fn settle<T>(mut self, answer: Answer<T>) -> Result<T, DatabaseError> {
        let (is_sound, answer) = self.judge(answer);
        if is_sound {
            self.give_back();
        }
        answer
    }

    /// The lease goes on, if the connection is as good as before.
    pub(in crate::database) fn keep<T>(
        mut self,
        answer: Answer<T>,
    ) -> (Option<Self>, Result<T, DatabaseError>) {
        let (is_sound, answer) = self.judge(answer);
        (is_sound.then_some(self), answer)
    }

    /// Whether the connection is as good as before.
    fn judge<T>(&mut self, answer: Answer<T>) -> (bool, Result<T, DatabaseError>) {
        match answer {
            Ok(Ok(answer)) => (true, Ok(answer)),
            Ok(Err(error)) if leaves_the_connection(&error) => (true, Err(DatabaseError::from(&error))),
            Ok(Err(error)) => {
                let failure = DatabaseError::from(&error);
                if failure == DatabaseError::ReadOnly {
                    self.close_inside_a_transaction();
                } else if error.as_db_error().is_some() {
                    // PostgreSQL has ended the session, so nothing is left to be cancelled.
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

    /// Ends the lease with a session that says of itself that it takes no writes.
    pub(in crate::database) fn evict<T>(mut self) -> Result<T, DatabaseError> {
        self.close_inside_a_transaction();
        Err(DatabaseError::ReadOnly)
    }

    /// Closes a session that takes no writes, so that none but a new one is asked when the database takes them again.
    ///
    /// It is left inside a transaction: a pooler that stands in between then closes the server's session as well, which
    /// it would hand to the next client otherwise (PgBouncer, "unclean server").
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

/// What PostgreSQL or the driver said, or that the deadline came first.
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
        // The connection stays until the request has been heard: a pooler finds the statement by it. It keeps its
        // place in the pool as well, so that there is never one connection more than the profile says.
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

/// A connection that goes back to no pool, however its end comes.
struct Discarded(Option<Object>);

impl Drop for Discarded {
    fn drop(&mut self) {
        drop(self.0.take().map(Object::take));
    }
}
