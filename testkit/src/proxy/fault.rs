//! The faults, and their effect on each connection.

use std::time::Duration;

use crate::authority::Certificate;

/// A fault. "Live" connections are those that were accepted before the fault was set.
///
/// A connection that was unanswered or half-closed has lost bytes: it is reset when the next fault is set.
#[derive(Clone, Debug)]
pub enum Fault {
    None,
    /// Nothing listens; live connections go on until they are [cut](super::FaultProxy::cut).
    Refuse,
    /// Connections are accepted, but neither they nor live ones ever get an answer.
    BlackHole,
    /// No byte passes on live and new connections, and none is lost: all pass when the fault ends, as after a partition of
    /// the network.
    Stall,
    /// Each direction is delayed by this much, a round trip by twice as much.
    Latency(Duration),
    /// New connections are served only after this time, as by a compute that wakes.
    Wake(Duration),
    /// The database's side of live connections is closed, and further bytes are read. New ones work.
    HalfClose,
    /// Live connections are never answered again, as by a firewall that forgot them. New ones work.
    Freeze,
    /// New sessions are refused: SQLSTATE 28P01, [`AUTH_ERROR`](super::AUTH_ERROR).
    AuthError,
    /// Sessions start, and every query fails: SQLSTATE 53100, [`QUERY_ERROR`](super::QUERY_ERROR). The client must end
    /// its transaction itself: PostgreSQL did not see the failure.
    QueryError,
    /// New connections that request TLS get this certificate, with the real database behind it.
    /// If the database is reached with TLS too, channel binding fails after the startup was counted.
    Tls(Certificate),
    /// New connections that request TLS are told that it is not offered.
    Plain,
}

/// A fault and the connections that it affects: they are numbered from 0 as they are accepted.
pub(super) struct State {
    pub(super) fault: Fault,
    pub(super) accepted: u64,
    /// The number of connections that were accepted before the fault was set.
    live_before: u64,
    pub(super) closed_before: u64,
    pub(super) reset_before: u64,
}

/// The effect of a fault on one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Served,
    Silent,
    HalfClosed,
    Closed,
    Reset,
}

impl State {
    pub(super) const fn new() -> Self {
        Self { fault: Fault::None, accepted: 0, live_before: 0, closed_before: 0, reset_before: 0 }
    }

    pub(super) fn set(&mut self, fault: Fault) {
        match self.fault {
            Fault::BlackHole => self.reset_before = self.accepted,
            Fault::HalfClose | Fault::Freeze => self.reset_before = self.reset_before.max(self.live_before),
            _ => {}
        }
        (self.fault, self.live_before) = (fault, self.accepted);
    }

    /// Numbers a newly accepted connection.
    pub(super) fn admit(&mut self) -> Option<u64> {
        if let Fault::Refuse = self.fault {
            return None;
        }
        self.accepted += 1;
        Some(self.accepted - 1)
    }

    pub(super) fn fate(&self, number: u64) -> Fate {
        if number < self.reset_before {
            return Fate::Reset;
        }
        if number < self.closed_before {
            return Fate::Closed;
        }
        match self.fault {
            Fault::BlackHole => Fate::Silent,
            Fault::Freeze if number < self.live_before => Fate::Silent,
            Fault::HalfClose if number < self.live_before => Fate::HalfClosed,
            _ => Fate::Served,
        }
    }

    pub(super) const fn latency(&self) -> Duration {
        match self.fault {
            Fault::Latency(latency) => latency,
            _ => Duration::ZERO,
        }
    }

    /// Whether bytes that were read must wait.
    pub(super) const fn stalls(&self) -> bool {
        matches!(self.fault, Fault::Stall)
    }
}
