//! A set of connections: deadpool's pool, with what a serverless database and its pooler ask of one.

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

/// How many connections a set may hold, and how it treats them.
pub(in crate::database) struct PoolLimits {
    /// Those that stay open while they are idle, for a while.
    pub(in crate::database) kept: u32,
    /// All of them.
    pub(in crate::database) most: u32,
    /// Those that are opened at once.
    pub(in crate::database) dialled: u32,
    /// Whether a statement without an answer is cancelled.
    pub(in crate::database) cancels: bool,
}

impl Connections {
    /// `deadline` is that of a whole request. Nothing is connected before it is needed.
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
        // `Fast` asks the socket only; the recycler pings, where it pays.
        let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_connect(access.config().clone(), dialer.clone(), config);
        let pool = Pool::builder(manager)
            .max_size(most)
            // The last one back is the first one out, so that spare connections grow idle.
            .queue_mode(QueueMode::Lifo)
            // Recycling has nothing to wait for but the ping, which has its own limit.
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

    /// A connection before `end`: an idle one that is fit, or a new one.
    pub(in crate::database) async fn checkout(&self, end: Instant) -> Result<Lease, DatabaseError> {
        let asked = Instant::now();
        // A free place is taken without a timer; waiters come first even so.
        let at_once = Timeouts { wait: Some(Duration::ZERO), ..self.pool.timeouts() };
        let got = timeout_at(end, async {
            match self.pool.timeout_get(&at_once).await {
                // Boxed: a caller who need not wait should not carry its size.
                Err(PoolError::Timeout(TimeoutType::Wait)) => Box::pin(self.pool.get()).await,
                got => got,
            }
        });
        let connection =
            got.await.map_or(Err(DatabaseError::Timeout), |got| got.map_err(DatabaseError::from))?;
        self.context.counters.checked_out(asked.elapsed());
        Ok(Lease::new(connection, Arc::clone(&self.context)))
    }

    /// The cause behind an error, where a caller has waited for a connection since then: a pool is empty because the
    /// database does not answer more often than because it is busy.
    pub(in crate::database) fn explain(&self, error: DatabaseError, since: Instant) -> DatabaseError {
        match error {
            DatabaseError::Timeout | DatabaseError::Exhausted => {
                self.dialer.failure_since(since).unwrap_or(error)
            }
            error => error,
        }
    }

    /// Whether every connection is in use, or spoken for.
    pub(in crate::database) fn is_full(&self) -> bool {
        let status = self.pool.status();
        status.size + status.waiting >= self.most + status.available
    }

    pub(in crate::database) fn metrics(&self) -> PoolMetrics {
        self.context.counters.read(self.pool.status())
    }

    /// Opens nothing more, and returns when the connections are closed; one that is still used closes with its use.
    pub(in crate::database) async fn close(&self) {
        self.pool.close();
        // Without an answer the end must not wait: the process closes what is left.
        let _ = timeout(profiles::Pool::CLOSES_WITHIN, self.dialer.all_closed()).await;
    }
}
