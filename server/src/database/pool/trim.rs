//! Idle connections that nobody needs are closed, so that a serverless database can suspend.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Pool;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::metrics::Counters;

/// The shortest time between two looks. Closed at once when they come back, as SQLAlchemy does it, the overflow of a
/// load that comes in waves would be opened anew with each of them.
const LOOK: Duration = Duration::from_secs(2);

/// Closes idle connections: those beyond `kept` at the next look, and all of them after `longest_idle`. Looks only when
/// there can be something to close: a service that does nothing needs no processor. Ends with the pool, or when dropped.
pub(super) struct Trim(JoinHandle<()>);

impl Trim {
    /// `open` is how many connections there are.
    pub(super) fn start(
        pool: Pool,
        kept: usize,
        longest_idle: Duration,
        mut open: watch::Receiver<usize>,
        counters: Arc<Counters>,
    ) -> Self {
        Self(tokio::spawn(async move {
            while !pool.is_closed() {
                let changed = match trim(&pool, kept, longest_idle, &counters) {
                    Some(pause) => timeout(pause, open.changed()).await.is_ok(),
                    None => open.changed().await.is_ok(),
                };
                if changed {
                    sleep(LOOK).await;
                }
            }
        }))
    }
}

/// How long there will be nothing to close, unless connections come or go; `None` where there is none at all.
/// The one used last is handed out first, so the first in the row are those that have been idle for longest.
fn trim(pool: &Pool, kept: usize, longest_idle: Duration, counters: &Counters) -> Option<Duration> {
    let mut excess = pool.status().available.saturating_sub(kept);
    let mut idle_for = Duration::ZERO;
    let closed = pool.retain(|connection, metrics| {
        let idle = metrics.last_used();
        let close = excess > 0 || idle >= longest_idle || connection.is_closed();
        if close {
            excess = excess.saturating_sub(1);
        } else {
            idle_for = idle_for.max(idle);
        }
        !close
    });
    let lost = closed.removed.iter().filter(|connection| connection.is_closed()).count();
    counters.discarded.add(lost);
    counters.trimmed.add(closed.removed.len() - lost);
    match pool.status().size {
        0 => None,
        size if size > kept => Some(LOOK),
        _ => Some(longest_idle.saturating_sub(idle_for).max(LOOK)),
    }
}

impl Drop for Trim {
    fn drop(&mut self) {
        self.0.abort();
    }
}
