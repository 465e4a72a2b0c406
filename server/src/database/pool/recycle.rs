//! Whether a pooled connection may be handed out: young enough, and where there is doubt still alive.

use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::{ClientWrapper, Hook, HookError, Metrics};
use tokio::time::timeout;

use super::jitter::Jitter;
use super::metrics::Counters;

/// The longest answer to a ping. It is one round trip, and a slower database is served by a new connection.
const PING: Duration = Duration::from_millis(500);

/// A database that takes no writes for long is not dialled anew for each of them.
const CONDEMN_EVERY: Duration = Duration::from_secs(1);

/// When a fresh connection costs no round trip, and when it must prove that it lives.
pub(super) struct Recycler {
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
    /// A ping had no answer, or a session takes no writes: all connections opened before are closed unasked.
    condemned: Option<Instant>,
    /// A statement had no answer, and it may have been slow: whatever was last used before is pinged.
    suspected: Option<Instant>,
}

/// For the pool, which asks before it hands out a connection that has been used before. deadpool puts no deadline
/// around hooks, so the ping has its own.
pub(super) fn hook(recycler: Arc<Recycler>) -> Hook {
    Hook::async_fn(move |connection, metrics| {
        let judged = match recycler.decide(connection, metrics) {
            Recycling::Reuse => Ok(()),
            Recycling::Close(why) => Err(HookError::message(why)),
            Recycling::PingFirst => {
                let recycler = Arc::clone(&recycler);
                return Box::pin(async move { recycler.ping(connection).await.map_err(HookError::message) });
            }
        };
        Box::pin(ready(judged))
    })
}

/// What is known of a connection without asking it.
enum Recycling {
    Reuse,
    Close(&'static str),
    PingFirst,
}

impl Recycler {
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

    /// A session takes no writes. Those from before may be like it for as long as they live, even if the database takes
    /// writes again.
    pub(super) fn condemn(&self) {
        let now = Instant::now();
        let mut doubt = self.doubt();
        if doubt.condemned.is_none_or(|condemned| now.duration_since(condemned) >= CONDEMN_EVERY) {
            doubt.condemned = Some(now);
        }
    }

    fn decide(&self, connection: &ClientWrapper, metrics: &Metrics) -> Recycling {
        let now = Instant::now();
        if self.jitter.is_over(now.duration_since(metrics.created), metrics.created, self.oldest) {
            self.counters.recycled.add(1);
            return Recycling::Close("older than pool.recycle_after");
        }
        if connection.is_closed() {
            return self.discard("closed by the other side");
        }
        let doubt = *self.doubt();
        if doubt.condemned.is_some_and(|condemned| metrics.created < condemned) {
            return self.discard("as old as a connection that was given up");
        }
        let used = metrics.recycled.unwrap_or(metrics.created);
        if now.duration_since(used) < self.ping_after
            && doubt.suspected.is_none_or(|suspected| used > suspected)
        {
            return Recycling::Reuse;
        }
        Recycling::PingFirst
    }

    async fn ping(&self, connection: &ClientWrapper) -> Result<(), &'static str> {
        self.counters.pinged.add(1);
        let asked = Instant::now();
        match timeout(self.longest_ping, connection.check_connection()).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(_)) => {}
            // Not whatever was opened while it was waited for: that may be the cure.
            Err(_) => {
                let mut doubt = self.doubt();
                doubt.condemned = doubt.condemned.max(Some(asked));
            }
        }
        self.counters.discarded.add(1);
        Err("a ping failed")
    }

    fn discard(&self, why: &'static str) -> Recycling {
        self.counters.discarded.add(1);
        Recycling::Close(why)
    }

    fn doubt(&self) -> MutexGuard<'_, Doubt> {
        self.doubt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
