//! Closes idle connections, so that a serverless database can suspend.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Pool;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::metrics::Counters;

/// The shortest interval between two checks. Closing overflow connections immediately after use, as SQLAlchemy does,
/// would reopen them with every wave of load.
const LOOK: Duration = Duration::from_secs(2);

/// Closes idle connections: those beyond `kept` at the next check, and all of them after `longest_idle`. It checks only
/// when a connection may be due: an idle service uses no CPU. Ends with the pool, or when dropped.
pub(super) struct Trim(JoinHandle<()>);

impl Trim {
    /// `open` is the number of open connections.
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

/// The time until the next connection is due, if no connection comes or goes; `None` without connections.
/// The last used connection is handed out first, so the first in the queue have been idle longest.
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
