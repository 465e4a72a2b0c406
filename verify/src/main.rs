//! `verify`: holds a live backend against its profile. Only this file turns an outcome into an exit code.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use verify::cli::Cli;
use verify::commands::{Done, RunError};
use verify::drill_runner::HarnessError;
use verify::launch::LaunchError;
use verify::report::Outcome;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tell(&error);
            return ExitCode::from(USAGE);
        }
    };
    match runtime.block_on(verify::commands::run(cli)) {
        Ok(Done::Judged(Outcome::Pass) | Done::Shown) => ExitCode::SUCCESS,
        Ok(Done::Judged(Outcome::Fail)) => ExitCode::from(BROKEN),
        Ok(Done::Judged(Outcome::Inconclusive)) => ExitCode::from(UNKNOWN),
        Ok(Done::Judged(Outcome::Drift)) => ExitCode::from(DRIFTED),
        Err(error) => {
            tell(&error);
            ExitCode::from(match error {
                RunError::Launch(LaunchError::Spawn { .. })
                | RunError::Drill(HarnessError::Launch(LaunchError::Spawn { .. })) => USAGE,
                RunError::Launch(_)
                | RunError::Drill(HarnessError::Launch(_))
                | RunError::Unready(_)
                | RunError::Unseen(_) => UNKNOWN,
                RunError::Ended(signal) => ENDED + signal.number,
                _ => USAGE,
            })
        }
    }
}

/// A promise is broken.
const BROKEN: u8 = 1;
/// The command line, the profile or a file is wrong. clap uses the same.
const USAGE: u8 = 2;
/// The target was not reached, or not every promise could be judged.
const UNKNOWN: u8 = 3;
/// Only snapshots drifted.
const DRIFTED: u8 = 4;
/// Ended by a signal, whose number is added, as shells report it.
const ENDED: u8 = 128;

/// To standard error, which may be closed.
#[expect(clippy::disallowed_methods, reason = "no command is left to print the error")]
fn tell(error: &dyn std::error::Error) {
    let _ = writeln!(anstream::stderr(), "{error}");
}
