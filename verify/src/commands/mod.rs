//! The commands, one a file: compositions of load, plan, probe, judge and report.

mod check;
mod conclude;
mod drill;
mod explain;
mod init;
mod lint;
mod list;
mod output;
mod plan;
mod replay;
mod signal;
mod subject;

use jiff::Timestamp;
use jiff::tz::Offset;
use profiles::LoadError;

use crate::cli::{Cli, Command};
use crate::drill_runner::HarnessError;
use crate::judge::plan::PlanError;
use crate::launch::LaunchError;
use crate::prober::ClientError;
use crate::report::Outcome;
use crate::report::recording::RecordingError;
pub use signal::Signal;

/// The result of a command.
pub enum Done {
    Judged(Outcome),
    /// Something was printed; nothing was judged.
    Shown,
}

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("name a profile: --profile production, or a path such as --profile profiles/staging.toml")]
    NoProfile,
    #[error(transparent)]
    Profile(#[from] LoadError),
    #[error("{0}")]
    Lint(String),
    #[error(
        "the URL is not a target: {0}; write scheme, host and port only, such as https://api.example.com"
    )]
    Url(String),
    #[error("a --header has no colon; write --header 'Name: value'")]
    Header,
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("`{0}` is neither a check nor a family; `verify list` shows all")]
    UnknownCheck(String),
    #[error("two reports cannot share standard output; give all but one a file: --report json=report.json")]
    SharedOutput,
    #[error("could not write the report to {path}: {error}")]
    Write { path: String, error: std::io::Error },
    #[error(transparent)]
    Recording(#[from] RecordingError),
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error(transparent)]
    Drill(#[from] HarnessError),
    #[error("the target was not ready within --wait: {0}")]
    Unready(String),
    #[error("{0}; nothing was written")]
    Unseen(String),
    #[error("{0} exists and is not overwritten; choose another --output, or move the file away")]
    Exists(String),
    #[error("could not write the profile to {path}: {error}")]
    Profiled { path: String, error: std::io::Error },
    #[error("ended by {0}")]
    Ended(Signal),
}

#[expect(clippy::disallowed_methods, reason = "the date is read once")]
pub async fn run(cli: Cli) -> Result<Done, RunError> {
    let today = Offset::UTC.to_datetime(Timestamp::now()).date();
    match cli.command {
        None => {
            tokio::select! {
                done = check::check(&cli.check, today) => done,
                // Dropping the run ends the candidate that it launched.
                signal = signal::ended() => Err(RunError::Ended(signal)),
            }
        }
        Some(Command::Drill(arguments)) => {
            tokio::select! {
                done = drill::drill(&arguments, today) => done,
                // Dropping the harness ends its processes.
                signal = signal::ended() => Err(RunError::Ended(signal)),
            }
        }
        Some(Command::Plan(arguments)) => plan::plan(&arguments, today),
        Some(Command::List) => list::list(),
        Some(Command::Explain { id }) => explain::explain(id),
        Some(Command::Init(arguments)) => init::init(&arguments, today).await,
        Some(Command::Replay { file, profile, url: Some(url), headers, ca, .. }) => {
            let (file, profile, ca) = (file.as_path(), profile.as_deref(), ca.as_deref());
            replay::again(&replay::Again { file, profile, url: &url, headers: &headers, ca }, today).await
        }
        Some(Command::Replay { file, profile, reports, fail_on, .. }) => {
            replay::replay(&file, profile.as_deref(), &reports, fail_on, today)
        }
        Some(Command::Lint { profiles }) => lint::lint(&profiles, today),
    }
}
