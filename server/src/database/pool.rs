//! The database as handlers see it: one statement, one deadline.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::DatabaseError;
use super::access::Access;
use super::lane::{Lane, Width};
use super::metrics::Metrics;
use super::transaction::Transaction;
use crate::boot::Settings;

/// A pool of connections that are opened when they are first needed: listen first, connect later.
///
/// Only unnamed statements are ever sent, so any transaction pooler may stand in between. A column of an enum,
/// domain or composite type must be cast to `text`: to learn such a type the driver would name a statement.
pub struct Database {
    pub(super) requests: Lane,
    /// One connection more, for the health check only, so that a busy pool and a dead database are told apart.
    /// It is opened when it is needed, and closed after.
    pub(super) reserve: Lane,
    deadline: Duration,
    place: String,
}

/// A statement's parameters, each with its type.
pub type Parameters<'p> = [(&'p (dyn ToSql + Sync), Type)];

impl Database {
    pub fn new(settings: &Settings) -> Self {
        let (pool, deadline) = (&settings.profile.pool, settings.profile.server.request_timeout.get());
        let access: &Access = &settings.database;
        let requests = Width { kept: pool.size, most: pool.most(), dialled: pool.create_limit };
        let reserve = Width { kept: 0, most: 1, dialled: 1 };
        Self {
            requests: Lane::new(access.clone(), pool, &requests, deadline),
            reserve: Lane::new(access.clone(), pool, &reserve, settings.profile.health.budget.get()),
            deadline,
            place: access.place(),
        }
    }

    /// Runs one statement and returns its rows. Waiting for a connection, opening it and the answer share the
    /// deadline of a request; what has no answer by then is cancelled.
    pub async fn query(&self, sql: &str, parameters: &Parameters<'_>) -> Result<Vec<Row>, DatabaseError> {
        let end = Instant::now() + self.deadline;
        let lease = self.requests.checkout(end).await?;
        let answer = timeout_at(end, lease.client().query_typed(sql, parameters)).await;
        lease.settle(answer)
    }

    /// Like [`Database::query`], for a statement without rows: how many it inserted, changed or deleted.
    pub async fn execute(&self, sql: &str, parameters: &Parameters<'_>) -> Result<u64, DatabaseError> {
        let end = Instant::now() + self.deadline;
        let lease = self.requests.checkout(end).await?;
        let answer = timeout_at(end, lease.client().execute_typed(sql, parameters)).await;
        lease.settle(answer)
    }

    /// Begins a transaction, for statements that all count or none. Each of its statements is sent on its own, so where
    /// one statement can do it, it is quicker.
    pub async fn begin(&self) -> Result<Transaction, DatabaseError> {
        let end = Instant::now() + self.deadline;
        let lease = self.requests.checkout(end).await?;
        Transaction::begin(lease, end).await
    }

    /// The pool for requests; the health check's reserve is not in it.
    pub fn metrics(&self) -> Metrics {
        self.requests.metrics()
    }

    /// Where the database is, for the log: host and port.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Opens nothing more, and returns when the idle connections are closed.
    pub(crate) async fn close(&self) {
        tokio::join!(self.requests.close(), self.reserve.close());
        let Metrics { created, recycled, discarded, trimmed, checkouts, .. } = self.metrics();
        tracing::info!(created, recycled, discarded, trimmed, checkouts, "the pool is closed");
    }
}
