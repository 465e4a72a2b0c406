//! The counts of the pool.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A snapshot of the pool. The counts only grow while the service runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolMetrics {
    /// Open connections, idle and in use.
    pub size: usize,
    /// Idle connections.
    pub available: usize,
    /// Callers that wait for a connection, an opening one included.
    pub waiting: usize,
    /// Connections that were opened.
    pub created: u64,
    /// Connections that were replaced because of their age (`pool.recycle_after`).
    pub recycled: u64,
    /// Connections that were discarded: lost, silent, or still busy at their deadline.
    pub discarded: u64,
    /// Idle connections that were closed as not needed.
    pub trimmed: u64,
    /// Connections that were pinged before they were handed out.
    pub pinged: u64,
    /// Connections that were handed out.
    pub checkouts: u64,
    /// The time from asking for a connection to having one, over all checkouts.
    pub checkout_total: Duration,
    /// The longest such time.
    pub checkout_longest: Duration,
}

#[derive(Default)]
pub(super) struct Counters {
    pub(super) created: Count,
    pub(super) recycled: Count,
    pub(super) discarded: Count,
    pub(super) trimmed: Count,
    pub(super) pinged: Count,
    checkouts: Count,
    checkout_nanos: Count,
    longest_nanos: AtomicU64,
}

/// The numbers are independent, so their order does not matter.
#[derive(Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self, more: usize) {
        self.0.fetch_add(u64::try_from(more).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    pub(super) fn checked_out(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.checkouts.add(1);
        self.checkout_nanos.0.fetch_add(nanos, Ordering::Relaxed);
        self.longest_nanos.fetch_max(nanos, Ordering::Relaxed);
    }

    pub(super) fn read(&self, status: deadpool_postgres::Status) -> PoolMetrics {
        PoolMetrics {
            size: status.size,
            available: status.available,
            waiting: status.waiting,
            created: self.created.get(),
            recycled: self.recycled.get(),
            discarded: self.discarded.get(),
            trimmed: self.trimmed.get(),
            pinged: self.pinged.get(),
            checkouts: self.checkouts.get(),
            checkout_total: Duration::from_nanos(self.checkout_nanos.get()),
            checkout_longest: Duration::from_nanos(self.longest_nanos.load(Ordering::Relaxed)),
        }
    }
}
