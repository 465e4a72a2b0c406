//! Idle connections: asked before they are used again, and closed when nobody needs them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::{Hook, HookError, Pool};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// The longest answer to a ping. It is one round trip, and a slower database is served by a new connection.
const PING: Duration = Duration::from_millis(500);
/// How often idle connections are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Whether a pooled connection may be handed out: young enough, and after a while without use still alive.
/// A fresh one costs no round trip. deadpool puts no deadline around hooks, so the ping has its own.
///
/// The first ping without an answer condemns every connection opened before it: what cut one cut them all, and
/// asking each in turn would cost each its deadline.
pub(super) fn fitness(settings: &profiles::Pool) -> Hook {
    let (oldest, longest_idle) = (settings.recycle_after.get(), settings.ping_after.get());
    let condemned: Arc<Mutex<Option<Instant>>> = Arc::default();
    Hook::async_fn(move |client, metrics| {
        let condemned = Arc::clone(&condemned);
        let before = *condemned.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(async move {
            if metrics.age() >= oldest {
                return Err(HookError::message("older than pool.recycle_after"));
            }
            if before.is_some_and(|before| metrics.created < before) {
                return Err(HookError::message("as old as a connection that no longer answers"));
            }
            if metrics.last_used() < longest_idle {
                return Ok(());
            }
            if let Ok(answer) = timeout(PING, client.check_connection()).await {
                return answer.map_err(HookError::Backend);
            }
            *condemned.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            Err(HookError::message("no answer to a ping"))
        })
    })
}

/// Closes idle connections: at once those beyond `pool.size`, and after `pool.idle_trim` all of them, so that
/// a serverless database can suspend. Ends with the pool, or when dropped.
pub(super) struct Trim(JoinHandle<()>);

impl Trim {
    pub(super) fn start(pool: Pool, settings: &profiles::Pool) -> Self {
        let size = usize::try_from(settings.size).expect("at most 10,000: the profile's schema");
        let longest_idle = settings.idle_trim.get();
        Self(tokio::spawn(async move {
            let mut look = interval(LOOK);
            look.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while !pool.is_closed() {
                look.tick().await;
                let mut excess = pool.status().size.saturating_sub(size);
                pool.retain(|_, metrics| {
                    let close = excess > 0 || metrics.last_used() >= longest_idle;
                    if close {
                        excess = excess.saturating_sub(1);
                    }
                    !close
                });
            }
        }))
    }
}

impl Drop for Trim {
    fn drop(&mut self) {
        self.0.abort();
    }
}
