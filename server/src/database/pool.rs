//! The pool, and the one way to ask it something.

use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Timeouts};
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::idle::{self, Trim};
use super::lease::Lease;
use super::url::Address;
use super::{DatabaseError, tls};

/// A pool of connections that are opened when they are first needed: listen first, connect later.
pub struct Database {
    pool: Pool,
    tls: MakeRustlsConnect,
    deadline: Duration,
    _trim: Trim,
}

impl Database {
    pub(crate) fn new(address: &Address, settings: &profiles::Pool, deadline: Duration) -> Self {
        let tls = tls::connector();
        // `Fast` asks the socket only; `idle` pings, where it pays.
        let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(address.config().clone(), tls.clone(), config);
        let pool = Pool::builder(manager)
            .max_size(usize::try_from(settings.most()).expect("at most 20,000: the profile's schema"))
            // The last one back is the first one out, so that spare connections grow idle.
            .queue_mode(deadpool_postgres::QueueMode::Lifo)
            .timeouts(Timeouts {
                wait: Some(settings.acquire_timeout.get()),
                create: Some(settings.create_timeout.get()),
                recycle: Some(settings.acquire_timeout.get()),
            })
            .pre_recycle(idle::fitness(settings))
            .runtime(Runtime::Tokio1)
            .build()
            .expect("the timeouts have their runtime");
        let trim = Trim::start(pool.clone(), settings);
        Self { pool, tls, deadline, _trim: trim }
    }

    /// Runs one statement, each parameter with its type. Waiting for a connection, opening it and the answer
    /// share one deadline.
    pub async fn query(
        &self,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, DatabaseError> {
        self.query_within(self.deadline, sql, parameters).await
    }

    pub(crate) async fn query_within(
        &self,
        deadline: Duration,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, DatabaseError> {
        let answer = async {
            let lease = Lease::new(self.pool.get().await?, self.tls.clone());
            match lease.client().query_typed(sql, parameters).await {
                Ok(rows) => {
                    lease.give_back();
                    Ok(rows)
                }
                Err(error) if error.as_db_error().is_some() => {
                    // An error from PostgreSQL is a complete answer too; the connection is as good as before.
                    lease.give_back();
                    Err(error.into())
                }
                Err(error) => Err(error.into()),
            }
        };
        tokio::time::timeout(deadline, answer).await.unwrap_or(Err(DatabaseError::Timeout))
    }

    /// Opens nothing more, and closes every idle connection.
    pub(crate) fn close(&self) {
        self.pool.close();
    }
}
