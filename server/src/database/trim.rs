//! Idle connections that nobody needs are closed, so that a serverless database can suspend.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::Pool;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::metrics::Counters;

/// How often idle connections are looked at. Closed at once when they come back, as SQLAlchemy does it, the
/// overflow of a load that comes in waves would be opened anew with each of them.
const LOOK: Duration = Duration::from_secs(2);

/// Closes idle connections: those beyond `kept` at the next look, and all of them after `longest_idle`. Ends with
/// the pool, or when dropped.
pub(super) struct Trim(JoinHandle<()>);

impl Trim {
    pub(super) fn start(pool: Pool, kept: usize, longest_idle: Duration, counters: Arc<Counters>) -> Self {
        Self(tokio::spawn(async move {
            let mut look = interval(LOOK);
            look.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while !pool.is_closed() {
                look.tick().await;
                trim(&pool, kept, longest_idle, &counters);
            }
        }))
    }
}

/// The one used last is handed out first, so the first in the row are those that have been idle for longest.
fn trim(pool: &Pool, kept: usize, longest_idle: Duration, counters: &Counters) {
    let mut excess = pool.status().available.saturating_sub(kept);
    let closed = pool.retain(|connection, metrics| {
        let close = excess > 0 || metrics.last_used() >= longest_idle || connection.is_closed();
        if close {
            excess = excess.saturating_sub(1);
        }
        !close
    });
    let lost = closed.removed.iter().filter(|connection| connection.is_closed()).count();
    counters.discarded.add(lost);
    counters.trimmed.add(closed.removed.len() - lost);
}

impl Drop for Trim {
    fn drop(&mut self) {
        self.0.abort();
    }
}
