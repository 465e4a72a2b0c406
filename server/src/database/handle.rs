//! The database for handlers: one statement, one deadline.

use profiles::Profile;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::Row;

use super::DatabaseError;
use super::access::DatabaseAccess;
use super::pool::connections::{Connections, PoolLimits};
use super::pool::lease::Lease;
use super::pool::metrics::PoolMetrics;
use super::transaction::{Parameters, Transaction};

/// A pool whose connections open when they are first needed: the service listens before it connects.
///
/// Only unnamed statements are sent, so any transaction pooler may be in between. A column of an enum,
/// domain or composite type must be cast to `text`: to look up such a type the driver would name a statement.
pub struct Database {
    pub(super) requests: Connections,
    /// One more connection, for the health check only, to distinguish a busy pool from a dead database.
    /// It is opened when needed, and closed afterwards.
    pub(super) reserve: Connections,
    place: String,
}

/// The database with a deadline, a handler's with its request's. A statement without an answer by then is cancelled.
#[derive(Clone, Copy)]
pub struct Until<'d> {
    database: &'d Database,
    end: Instant,
}

impl Database {
    /// Opens no connection yet.
    pub(crate) fn new(profile: &Profile, access: &DatabaseAccess) -> Self {
        let (pool, deadline) = (&profile.pool, profile.server.request_timeout.get());
        let requests =
            PoolLimits { kept: pool.size, most: pool.most(), dialled: pool.create_limit, cancels: true };
        // Cancelling a `select 1` gains nothing, and the reserve has only one place.
        let reserve = PoolLimits { kept: 0, most: 1, dialled: 1, cancels: false };
        Self {
            requests: Connections::new(access.clone(), pool, &requests, deadline),
            reserve: Connections::new(access.clone(), pool, &reserve, profile.health.budget.get()),
            place: access.place(),
        }
    }

    /// With this deadline, which covers waiting for a connection, opening it and the answers.
    pub fn until(&self, end: Instant) -> Until<'_> {
        Until { database: self, end }
    }

    /// The pool for requests, without the health check's reserve.
    pub fn metrics(&self) -> PoolMetrics {
        self.requests.metrics()
    }

    /// Host and port of the database, for the log.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Opens no more connections, and returns when the idle ones are closed.
    pub(crate) async fn close(&self) {
        tokio::join!(self.requests.close(), self.reserve.close());
        let PoolMetrics { created, recycled, discarded, trimmed, checkouts, .. } = self.metrics();
        tracing::info!(created, recycled, discarded, trimmed, checkouts, "the pool is closed");
    }
}

impl Until<'_> {
    /// Runs one statement and returns its rows.
    pub async fn query(&self, sql: &str, parameters: &Parameters<'_>) -> Result<Vec<Row>, DatabaseError> {
        let lease = self.lease().await?;
        let answer = timeout_at(self.end, lease.client().query_typed(sql, parameters)).await;
        lease.settle(answer)
    }

    /// Runs one statement without rows, and returns how many rows it inserted, changed or deleted.
    pub async fn execute(&self, sql: &str, parameters: &Parameters<'_>) -> Result<u64, DatabaseError> {
        let lease = self.lease().await?;
        let answer = timeout_at(self.end, lease.client().execute_typed(sql, parameters)).await;
        lease.settle(answer)
    }

    /// Begins a transaction, for statements that must all take effect or none. Each statement costs a round trip, so a
    /// single statement is quicker where it suffices.
    pub async fn begin(&self) -> Result<Transaction, DatabaseError> {
        Transaction::begin(self.lease().await?, self.end).await
    }

    pub fn metrics(&self) -> PoolMetrics {
        self.database.metrics()
    }

    async fn lease(&self) -> Result<Lease, DatabaseError> {
        let (asked, connections) = (Instant::now(), &self.database.requests);
        connections.checkout(self.end).await.map_err(|error| connections.explain(error, asked))
    }
}
