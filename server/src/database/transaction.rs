//! Several statements that all take effect, or none of them.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::DatabaseError;
use super::pool::lease::Lease;

/// The longest that a rollback may take; after it the connection is discarded, which rolls back too.
const ROLLBACK: Duration = Duration::from_secs(1);

/// A statement's parameters, each with its type.
pub type Parameters<'p> = [(&'p (dyn ToSql + Sync), Type)];

/// Begun with [`Until::begin`](super::Until::begin). Its statements share one connection and one deadline; a
/// transaction pooler keeps one server connection for it, so `SET LOCAL` holds until its end.
///
/// It takes effect only when committed. Dropped before that, by a `?` or because the client left, it is rolled
/// back.
pub struct Transaction {
    /// `None` once the connection is lost or the transaction has ended.
    lease: Option<Lease>,
    end: Instant,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Every statement so far has been answered.
    Sound,
    /// A statement is running, or was when its caller was cancelled.
    Busy,
    /// A statement failed. PostgreSQL would now answer `COMMIT` without an error, and roll back.
    Failed,
}

impl Transaction {
    pub(super) async fn begin(lease: Lease, end: Instant) -> Result<Self, DatabaseError> {
        let mut transaction = Self { lease: Some(lease), end, state: State::Sound };
        transaction.command("begin").await?;
        Ok(transaction)
    }

    /// Like [`Until::query`](super::Until::query), in this transaction.
    pub async fn query(&mut self, sql: &str, parameters: &Parameters<'_>) -> Result<Vec<Row>, DatabaseError> {
        let (lease, end) = self.next()?;
        let answer = timeout_at(end, lease.client().query_typed(sql, parameters)).await;
        self.note(answer)
    }

    /// Like [`Until::execute`](super::Until::execute), in this transaction.
    pub async fn execute(&mut self, sql: &str, parameters: &Parameters<'_>) -> Result<u64, DatabaseError> {
        let (lease, end) = self.next()?;
        let answer = timeout_at(end, lease.client().execute_typed(sql, parameters)).await;
        self.note(answer)
    }

    /// Commits: only now the transaction takes effect. Without an answer it is unknown whether it did.
    pub async fn commit(mut self) -> Result<(), DatabaseError> {
        self.command("commit").await?;
        self.lease.take().expect("`command` has had its answer").give_back();
        Ok(())
    }

    async fn command(&mut self, sql: &str) -> Result<(), DatabaseError> {
        let (lease, end) = self.next()?;
        let answer = timeout_at(end, lease.client().batch_execute(sql)).await;
        self.note(answer)
    }

    fn next(&mut self) -> Result<(&Lease, Instant), DatabaseError> {
        match (&self.lease, self.state) {
            (Some(lease), State::Sound) => {
                self.state = State::Busy;
                Ok((lease, self.end))
            }
            _ => Err(DatabaseError::TransactionFailed),
        }
    }

    fn note<T>(
        &mut self,
        answer: Result<Result<T, tokio_postgres::Error>, Elapsed>,
    ) -> Result<T, DatabaseError> {
        let lease = self.lease.take().expect("`next` has seen it");
        let (lease, answer) = lease.keep(answer);
        self.lease = lease;
        self.state = if answer.is_ok() { State::Sound } else { State::Failed };
        answer
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        // If it is still busy, the lease's end cancels the statement, and closing the connection rolls back.
        let Some(lease) = self.lease.take().filter(|_| self.state != State::Busy) else {
            return;
        };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let answer = timeout(ROLLBACK, lease.client().batch_execute("rollback")).await;
                // Without effect when it fails: the connection is gone then.
                let _ = lease.settle(answer);
            });
        }
    }
}
