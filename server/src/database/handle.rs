//! The database as handlers see it: one statement, one deadline.

use profiles::Profile;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::Row;

use super::DatabaseError;
use super::access::DatabaseAccess;
use super::pool::connections::{Connections, PoolLimits};
use super::pool::lease::Lease;
use super::pool::metrics::PoolMetrics;
use super::transaction::{Parameters, Transaction};

/// A pool of connections that are opened when they are first needed: listen first, connect later.
///
/// Only unnamed statements are ever sent, so any transaction pooler may stand in between. A column of an enum,
/// domain or composite type must be cast to `text`: to learn such a type the driver would name a statement.
pub struct Database {
    pub(super) requests: Connections,
    /// One connection more, for the health check only, so that a busy pool and a dead database are told apart.
    /// It is opened when it is needed, and closed after.
    pub(super) reserve: Connections,
    place: String,
}

/// The database with a deadline: a handler's has that of its request. What has no answer by then is cancelled.
#[derive(Clone, Copy)]
pub struct Until<'d> {
    database: &'d Database,
    end: Instant,
}

impl Database {
    /// Nothing is connected before it is needed.
    pub(crate) fn new(profile: &Profile, access: &DatabaseAccess) -> Self {
        let (pool, deadline) = (&profile.pool, profile.server.request_timeout.get());
        let requests =
            PoolLimits { kept: pool.size, most: pool.most(), dialled: pool.create_limit, cancels: true };
        // Stopping a `select 1` is worth nothing, and the reserve has only one place.
        let reserve = PoolLimits { kept: 0, most: 1, dialled: 1, cancels: false };
        Self {
            requests: Connections::new(access.clone(), pool, &requests, deadline),
            reserve: Connections::new(access.clone(), pool, &reserve, profile.health.budget.get()),
            place: access.place(),
        }
    }

    /// For what must be answered before then: waiting for a connection, opening it and the answers share the deadline.
    pub fn until(&self, end: Instant) -> Until<'_> {
        Until { database: self, end }
    }

    /// The pool for requests; the health check's reserve is not in it.
    pub fn metrics(&self) -> PoolMetrics {
        self.requests.metrics()
    }

    /// Where the database is, for the log: host and port.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Opens nothing more, and returns when the idle connections are closed.
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

    /// Runs one statement without rows: how many it inserted, changed or deleted.
    pub async fn execute(&self, sql: &str, parameters: &Parameters<'_>) -> Result<u64, DatabaseError> {
        let lease = self.lease().await?;
        let answer = timeout_at(self.end, lease.client().execute_typed(sql, parameters)).await;
        lease.settle(answer)
    }

    /// Begins a transaction, for statements that all count or none. Each of its statements is sent on its own, so where
    /// one statement can do it, it is quicker.
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
