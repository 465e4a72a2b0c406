//! The end of the service: triggered by a signal, announced by `/readyz`, bounded by a deadline.

use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

/// The stage of the shutdown. It only advances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Stage {
    Serving,
    /// Not ready, but everything is still served, for load balancers that have not noticed yet.
    LameDuck,
    /// Each connection ends after its next answer.
    Draining,
}

/// The current stage, which each answer reads, and a notification when the drain begins.
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
    /// Makes the service not ready.
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
        // Register before reading the stage, so that a drain that begins in between is not missed.
        let mut begun = pin!(self.begun.notified());
        begun.as_mut().enable();
        if !self.has_begun() {
            begun.await;
        }
    }
}

/// SIGTERM from the platform, SIGINT from the keyboard. Process 1 of a container ignores them without a handler, so
/// the handlers are installed before anything slow.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub fn install() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next signal and returns its name.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
