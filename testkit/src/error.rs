//! Why a part did not start, and what to do.

use std::io;
use std::path::Path;
use std::time::Duration;

/// How long a part may take to start on a busy machine.
pub(crate) const LONGEST_START: Duration = Duration::from_secs(30);
/// The last lines of a log, which hold the reason.
const SHOWN: usize = 20;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(
        "`{program}` is not on PATH, nor in {elsewhere}; install it (Debian: `apt-get install {package}`)"
    )]
    Missing { program: &'static str, elsewhere: &'static str, package: &'static str },
    #[error("could not {action}: {error}")]
    System { action: String, error: io::Error },
    #[error("`{program}` ended before it was ready; it wrote:\n{log}")]
    Ended { program: &'static str, log: String },
    #[error("`{program}` was not ready after {within:?}, on port {port}; it wrote:\n{log}")]
    Late { program: &'static str, within: Duration, port: u16, log: String },
}

impl StartError {
    pub(crate) fn ended(program: &'static str, log: &str) -> Self {
        Self::Ended { program, log: end(log) }
    }

    pub(crate) fn late(program: &'static str, port: u16, log: &str) -> Self {
        Self::Late { program, within: LONGEST_START, port, log: end(log) }
    }

    /// For `map_err`: the failed action, and its file.
    pub(crate) fn file(action: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        Self::system(format!("{action} {}", path.display()))
    }

    pub(crate) fn system(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        |error| Self::System { action, error }
    }
}

fn end(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(SHOWN)..].join("\n")
}
