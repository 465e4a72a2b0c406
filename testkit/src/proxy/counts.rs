//! The counts of a proxy.

use std::sync::{Arc, Mutex, PoisonError};

/// A snapshot of a proxy's counts since its start or its last mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accepted TCP connections, also those without a session; each request to cancel has its own.
    pub connections: Gauge,
    /// Connections that reached a startup message, or TLS with the database: the number that a pool bounds.
    pub sessions: Gauge,
    /// Connections that [`Fault::Wake`](super::Fault::Wake) keeps waiting.
    pub waking: Gauge,
    /// Messages that run something: Query and Execute. `BEGIN` and `DISCARD ALL` are queries too.
    pub queries: u64,
    /// Round trips that run nothing: a Sync that follows no message of its series.
    pub pings: u64,
    /// Statements that were given a name.
    pub named_statements: u64,
    /// Named statements not closed by protocol before their transaction ended: behind a transaction pooler they
    /// remain in a session that another client gets.
    pub surviving_statements: u64,
    /// Requests to cancel a query.
    pub cancels: u64,
    /// Startups that the proxy answered with an error.
    pub refused_startups: u64,
    /// Requests for TLS, refused ones too.
    pub tls_requests: u64,
    /// Startups behind TLS with the proxy's certificate: their client trusts it.
    pub trusting_startups: u64,
    /// Startups without TLS.
    pub plain_startups: u64,
    /// Connections that ended because they did not speak PostgreSQL's protocol.
    pub foreign: u64,
    /// Connections that ended because the database could not be reached.
    pub unreached: u64,
}

/// The current number and its peak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauge {
    pub open: u32,
    pub most_open: u32,
    pub opened: u64,
}

#[derive(Clone, Default)]
pub(super) struct Tally(Arc<Mutex<Counts>>);

/// Counts one as open while this value lives.
pub(super) struct Open {
    tally: Tally,
    of: fn(&mut Counts) -> &mut Gauge,
}

impl Tally {
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut Counts) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn open(&self, of: fn(&mut Counts) -> &mut Gauge) -> Open {
        self.with(|counts| {
            let gauge = of(counts);
            gauge.open += 1;
            gauge.opened += 1;
            gauge.most_open = gauge.most_open.max(gauge.open);
        });
        Open { tally: self.clone(), of }
    }

    /// Resets all counts but those of open connections.
    pub(super) fn mark(&self) {
        let still = |gauge: Gauge| Gauge { open: gauge.open, most_open: gauge.open, opened: 0 };
        self.with(|counts| {
            *counts = Counts {
                connections: still(counts.connections),
                sessions: still(counts.sessions),
                waking: still(counts.waking),
                ..Counts::default()
            };
        });
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.tally.with(|counts| (self.of)(counts).open -= 1);
    }
}
