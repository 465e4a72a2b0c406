//! Whether a pooled connection may be handed out: young enough, and where there is doubt still alive.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::{ClientWrapper, Hook, HookError, Metrics};
use tokio::time::timeout;

use super::jitter::Jitter;
use super::metrics::Counters;

/// The longest answer to a ping. It is one round trip, and a slower database is served by a new connection.
const PING: Duration = Duration::from_millis(500);

/// When a fresh connection costs no round trip, and when it must prove that it lives.
pub(super) struct Fitness {
    oldest: Duration,
    ping_after: Duration,
    longest_ping: Duration,
    jitter: Jitter,
    doubt: Mutex<Doubt>,
    counters: Arc<Counters>,
}

/// What one connection's silence says of the others: what cut one has most likely cut them all, and to learn that
/// from each in turn would cost each its deadline.
#[derive(Clone, Copy, Default)]
struct Doubt {
    /// A ping had no answer: whatever was opened before it is closed unasked.
    condemned: Option<Instant>,
    /// A statement had no answer, and it may have been slow: whatever was last used before is pinged.
    suspected: Option<Instant>,
}

/// For the pool, which asks before it hands out a connection that has been used before. deadpool puts no deadline
/// around hooks, so the ping has its own.
pub(super) fn hook(fitness: Arc<Fitness>) -> Hook {
    Hook::async_fn(move |connection, metrics| {
        let fitness = Arc::clone(&fitness);
        Box::pin(async move { fitness.of(connection, metrics).await.map_err(HookError::message) })
    })
}

impl Fitness {
    /// `deadline` is that of a whole request: a ping takes no more than a third of it.
    pub(super) fn new(settings: &profiles::Pool, deadline: Duration, counters: Arc<Counters>) -> Self {
        Self {
            oldest: settings.recycle_after.get(),
            ping_after: settings.ping_after.get(),
            longest_ping: PING.min(deadline / 3),
            jitter: Jitter::default(),
            doubt: Mutex::default(),
            counters,
        }
    }

    /// A statement was left without an answer.
    pub(super) fn suspect(&self) {
        self.doubt().suspected = Some(Instant::now());
    }

    async fn of(&self, connection: &ClientWrapper, metrics: &Metrics) -> Result<(), &'static str> {
        let now = Instant::now();
        if self.jitter.is_over(now.duration_since(metrics.created), metrics.created, self.oldest) {
            self.counters.recycled.add(1);
            return Err("older than pool.recycle_after");
        }
        let sound = self.is_alive(connection, metrics, now).await;
        if sound.is_err() {
            self.counters.discarded.add(1);
        }
        sound
    }

    async fn is_alive(
        &self,
        connection: &ClientWrapper,
        metrics: &Metrics,
        now: Instant,
    ) -> Result<(), &'static str> {
        if connection.is_closed() {
            return Err("closed by the other side");
        }
        let doubt = *self.doubt();
        if doubt.condemned.is_some_and(|condemned| metrics.created < condemned) {
            return Err("as old as a connection that no longer answers");
        }
        let used = metrics.recycled.unwrap_or(metrics.created);
        if now.duration_since(used) < self.ping_after
            && doubt.suspected.is_none_or(|suspected| used > suspected)
        {
            return Ok(());
        }
        self.counters.pinged.add(1);
        let asked = Instant::now();
        if let Ok(answer) = timeout(self.longest_ping, connection.check_connection()).await {
            return answer.map_err(|_| "broke off at a ping");
        }
        // Not whatever was opened while it was waited for: that may be the cure.
        let mut doubt = self.doubt();
        doubt.condemned = doubt.condemned.max(Some(asked));
        Err("no answer to a ping")
    }

    fn doubt(&self) -> MutexGuard<'_, Doubt> {
        self.doubt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
