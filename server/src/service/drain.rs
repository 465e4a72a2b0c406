//! The end of the service: told by a signal, announced by `/readyz`, bounded by a deadline.

use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

/// How near the end is. It only comes nearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Stage {
    Serving,
    /// Told to end: not ready, and everything is still served, for balancers that have not noticed yet.
    LameDuck,
    /// Each connection ends with its next answer.
    Draining,
}

/// The stage, to be read at each answer, and the drain's beginning, to be waited for.
#[derive(Default)]
pub(crate) struct Drain {
    stage: AtomicU8,
    begun: Notify,
}

impl Stage {
    pub(crate) const ALL: [Self; 3] = [Self::Serving, Self::LameDuck, Self::Draining];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::LameDuck => "lame-duck",
            Self::Draining => "draining",
        }
    }
}

impl Drain {
    /// From now on the service is not ready.
    pub(crate) fn announce(&self) {
        self.reach(Stage::LameDuck);
    }

    pub(crate) fn begin(&self) {
        self.reach(Stage::Draining);
        self.begun.notify_waiters();
    }

    fn reach(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Release);
    }

    pub(crate) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            0 => Stage::Serving,
            1 => Stage::LameDuck,
            _ => Stage::Draining,
        }
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.stage() == Stage::Draining
    }

    /// Returns once the drain has begun.
    pub(crate) async fn begun(&self) {
        // Registered before the stage is read: what begins in between is not missed.
        let mut begun = pin!(self.begun.notified());
        begun.as_mut().enable();
        if !self.has_begun() {
            begun.await;
        }
    }
}

/// SIGTERM from the platform, SIGINT from the keyboard. As process 1 in a container the service would
/// otherwise ignore them, so these are installed before anything slow.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub fn install() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The name of the next signal.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
