//! A set of connections: deadpool's pool, adapted to a serverless database and its pooler.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    Manager, ManagerConfig, Pool, PoolError, QueueMode, RecyclingMethod, Runtime, TimeoutType, Timeouts,
};
use tokio::time::{Instant, timeout, timeout_at};

use super::dial::Dialer;
use super::lease::{Lease, LeaseContext};
use super::metrics::{Counters, PoolMetrics};
use super::recycle::{self, Recycler};
use super::trim::Trim;
use crate::database::DatabaseError;
use crate::database::access::DatabaseAccess;

pub(in crate::database) struct Connections {
    pool: Pool,
    most: usize,
    dialer: Dialer,
    context: Arc<LeaseContext>,
    _trim: Trim,
}

/// The sizes of a set, and whether it cancels statements.
pub(in crate::database) struct PoolLimits {
    /// How many connections may stay open while idle, for a time.
    pub(in crate::database) kept: u32,
    /// The most connections.
    pub(in crate::database) most: u32,
    /// How many connections may be opening at once.
    pub(in crate::database) dialled: u32,
    /// Whether a statement without an answer is cancelled.
    pub(in crate::database) cancels: bool,
}

impl Connections {
    /// `deadline` is that of a whole request. Opens no connection yet.
    pub(in crate::database) fn new(
        access: DatabaseAccess,
        settings: &profiles::Pool,
        limits: &PoolLimits,
        deadline: Duration,
    ) -> Self {
        let count = |connections| usize::try_from(connections).expect("at most 20,000: the profile's schema");
        let (kept, most) = (count(limits.kept), count(limits.most));
        let counters = Arc::<Counters>::default();
        let recycler = Arc::new(Recycler::new(settings, deadline, Arc::clone(&counters)));
        let create = settings.create_timeout.get();
        let dialer = Dialer::new(access.transport().clone(), limits.dialled, create, Arc::clone(&counters));
        // `Fast` checks the socket only; the recycler pings in case of doubt.
        let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_connect(access.config().clone(), dialer.clone(), config);
        let pool = Pool::builder(manager)
            .max_size(most)
            // The last one back is the first one out, so that spare connections grow idle.
            .queue_mode(QueueMode::Lifo)
            // The only wait in recycling is the ping, which has its own limit.
            .timeouts(Timeouts {
                wait: Some(settings.acquire_timeout.get()),
                create: Some(create),
                recycle: None,
            })
            .pre_recycle(recycle::hook(Arc::clone(&recycler)))
            .runtime(Runtime::Tokio1)
            .build()
            .expect("the timeouts have their runtime");
        let idle_trim = settings.idle_trim.get();
        let trim = Trim::start(pool.clone(), kept, idle_trim, dialer.open(), Arc::clone(&counters));
        Self {
            pool,
            most,
            dialer,
            context: Arc::new(LeaseContext { access, recycler, counters, cancels: limits.cancels }),
            _trim: trim,
        }
    }

    /// A connection before `end`: a usable idle one, or a new one.
    pub(in crate::database) async fn checkout(&self, end: Instant) -> Result<Lease, DatabaseError> {
        let asked = Instant::now();
        // A free place needs no timer; waiters still come first.
        let at_once = Timeouts { wait: Some(Duration::ZERO), ..self.pool.timeouts() };
        let got = timeout_at(end, async {
            match self.pool.timeout_get(&at_once).await {
                // Boxed: a caller that need not wait should not carry its size.
                Err(PoolError::Timeout(TimeoutType::Wait)) => Box::pin(self.pool.get()).await,
                got => got,
            }
        });
        let connection =
            got.await.map_or(Err(DatabaseError::Timeout), |got| got.map_err(DatabaseError::from))?;
        self.context.counters.checked_out(asked.elapsed());
        Ok(Lease::new(connection, Arc::clone(&self.context)))
    }

    /// The cause of an error for a caller that has waited since `then`: an exhausted pool is more often the effect of a
    /// silent database than of load.
    pub(in crate::database) fn explain(&self, error: DatabaseError, since: Instant) -> DatabaseError {
        match error {
            DatabaseError::Timeout | DatabaseError::Exhausted => {
                self.dialer.failure_since(since).unwrap_or(error)
            }
            error => error,
        }
    }

    /// Whether every connection is in use or reserved by a waiter.
    pub(in crate::database) fn is_full(&self) -> bool {
        let status = self.pool.status();
        status.size + status.waiting >= self.most + status.available
    }

    pub(in crate::database) fn metrics(&self) -> PoolMetrics {
        self.context.counters.read(self.pool.status())
    }

    /// Opens no more connections, and returns when all are closed; a used one closes after its use.
    pub(in crate::database) async fn close(&self) {
        self.pool.close();
        // A silent server must not delay the end: the process's exit closes the rest.
        let _ = timeout(profiles::Pool::CLOSES_WITHIN, self.dialer.all_closed()).await;
    }
}
