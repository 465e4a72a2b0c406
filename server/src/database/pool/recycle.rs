//! Whether a pooled connection may be handed out: young enough, and in case of doubt pinged.

use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::{ClientWrapper, Hook, HookError, Metrics};
use tokio::time::timeout;

use super::jitter::Jitter;
use super::metrics::Counters;

/// The longest wait for a ping. It is one round trip; beyond it a new connection is opened instead.
const PING: Duration = Duration::from_millis(500);

/// Limits new connections while the database stays read-only.
const CONDEMN_EVERY: Duration = Duration::from_secs(1);

/// When a connection is handed out without a round trip, and when it is pinged first.
pub(super) struct Recycler {
    oldest: Duration,
    ping_after: Duration,
    longest_ping: Duration,
    jitter: Jitter,
    doubt: Mutex<Doubt>,
    counters: Arc<Counters>,
}

/// The consequence of one connection's silence for the others: the same cause has most likely cut all of them, and
/// testing each in turn would cost a deadline each.
#[derive(Clone, Copy, Default)]
struct Doubt {
    /// A ping had no answer, or a session is read-only: all connections opened before are closed without a ping.
    condemned: Option<Instant>,
    /// A statement had no answer, but may have been slow: connections last used before are pinged.
    suspected: Option<Instant>,
}

/// The pool calls it before it hands out a used connection. deadpool's hooks have no deadline, so the ping has its own.
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

/// The decision about a connection, without a round trip.
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

    /// Records an unanswered statement.
    pub(super) fn suspect(&self) {
        self.doubt().suspected = Some(Instant::now());
    }

    /// Records a read-only session. Earlier sessions may stay read-only for their whole life, even if the database
    /// accepts writes again.
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
            // Connections opened during the ping are kept: they may work.
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
