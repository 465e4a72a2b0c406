//! The output of a command: reports to their destinations, progress and remarks to standard error.
#![allow(clippy::disallowed_methods, reason = "reports are files")]

use std::io::Write as _;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Done, RunError};
use crate::reporters::{Destination, REPORTERS};

pub(super) fn destinations(reports: &[Destination]) -> Result<Vec<Destination>, RunError> {
    if reports.iter().filter(|destination| destination.path.is_none()).count() > 1 {
        return Err(RunError::SharedOutput);
    }
    if reports.is_empty() {
        return Ok(vec![Destination { reporter: REPORTERS[0], path: None }]);
    }
    Ok(reports.to_vec())
}

pub(super) fn write(destination: &Destination, text: &str) -> Result<(), RunError> {
    match &destination.path {
        None => show(text).map(drop),
        Some(path) => {
            let plain = anstream::adapter::strip_str(text).to_string();
            std::fs::write(path, plain)
                .map_err(|error| RunError::Write { path: path.display().to_string(), error })
        }
    }
}

/// With colour on a terminal, without anywhere else.
pub(super) fn show(text: &str) -> Result<Done, RunError> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // The reader, such as `head`, has closed the pipe.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Done::Shown),
        Err(error) => Err(RunError::Write { path: "standard output".to_owned(), error }),
        Ok(()) => Ok(Done::Shown),
    }
}

/// Shown on a terminal only.
pub(super) fn progress(requests: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(requests as u64), ProgressDrawTarget::stderr());
    bar.with_style(
        ProgressStyle::with_template("probing {pos}/{len} {bar:40}").expect("the template is a constant"),
    )
}

/// To standard error, which may be closed.
pub(super) fn tell(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}
