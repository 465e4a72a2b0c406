//! The signals that end a run.
#![expect(clippy::disallowed_methods, reason = "the signals of this process end its run")]

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

/// A signal that ends a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    name: &'static str,
    pub number: u8,
}

impl std::fmt::Display for Signal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The first signal from the keyboard, a supervisor or a closing terminal.
pub(super) async fn ended() -> Signal {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [
        (SignalKind::hangup(), "SIGHUP", 1),
        (SignalKind::interrupt(), "SIGINT", 2),
        (SignalKind::quit(), "SIGQUIT", 3),
        (SignalKind::terminate(), "SIGTERM", 15),
    ];
    let mut signals: FuturesUnordered<_> = kinds
        .into_iter()
        .filter_map(|(kind, name, number)| Some((signal(kind).ok()?, Signal { name, number })))
        .map(|(mut stream, signal)| async move {
            stream.recv().await;
            signal
        })
        .collect();
    match signals.next().await {
        Some(signal) => signal,
        None => std::future::pending().await,
    }
}
