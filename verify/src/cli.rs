//! The command line, and the only reader of the environment.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use profiles::{Origin, Profile};

use crate::model::check::Severity;
use crate::report::snapshot::Mode;
use crate::reporters::{self, Destination};

/// Holds a live backend, in any language, against its profile.
#[derive(Parser)]
#[command(name = "verify", version, about, args_conflicts_with_subcommands = true, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub check: CheckArguments,
}

#[derive(Subcommand)]
pub enum Command {
    /// Print the requests that a run would send, and for which checks, without sending a byte.
    Plan(CheckArguments),
    /// Start the release candidate with a private database, and break that database, its start and its end.
    Drill(DrillArguments),
    /// Print every check, one a line.
    List,
    /// Print everything about a check, or about a family of checks.
    Explain {
        /// Such as `cors.reject.null`, `cors.reject` or `cors`.
        id: String,
    },
    /// Write a first profile from the current behaviour of a deployment, with remarks to review.
    Init(InitArguments),
    /// Judge a recording again, without a network; with --url, send the failed checks to a new target.
    Replay {
        /// A file that `--record` wrote.
        file: PathBuf,
        /// The profile to judge it by; by default the recorded one.
        #[arg(long)]
        profile: Option<String>,
        /// Send the probes of the failed checks to this target, and print FIXED, FAILED or UNKNOWN for each check.
        #[arg(long, conflicts_with = "reports")]
        url: Option<String>,
        /// Send this header with every request. It is never recorded.
        #[arg(long = "header", value_name = "NAME: VALUE", requires = "url")]
        headers: Vec<String>,
        /// Trust one more certificate authority, a PEM file.
        #[arg(long, value_name = "FILE", requires = "url")]
        ca: Option<PathBuf>,
        #[arg(long = "report", value_name = "FORMAT[=PATH]", help = reporters::help())]
        reports: Vec<Destination>,
        /// The lowest severity that fails the run; lower failures are reported too.
        #[arg(long, value_enum, value_name = "SEVERITY", default_value = "low")]
        fail_on: Severity,
    },
    /// Print every mistake in profiles; by default in all embedded ones.
    Lint {
        /// Names or paths.
        profiles: Vec<String>,
    },
}

/// The options of `verify init`.
#[derive(Args)]
pub struct InitArguments {
    /// The deployment: scheme, host and port, such as `https://api.example.com`.
    pub url: String,
    /// The new profile's file, such as profiles/staging.toml; by default standard output.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// A front end's origin, such as `https://app.example`: an API does not show its list to other origins.
    #[arg(long = "origin", value_name = "ORIGIN", value_parser = origin)]
    pub origins: Vec<Origin>,
    /// Send this header with every request, for protected previews. It is never written.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// Trust one more certificate authority, a PEM file.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

/// The check run, the default command.
#[derive(Args)]
pub struct CheckArguments {
    /// The profile to judge the target by: a name such as `production`, or a path.
    #[arg(long, value_name = "NAME|PATH")]
    pub profile: Option<String>,
    /// The target, instead of the profile's deployment.url.
    #[arg(long, conflicts_with = "launch")]
    pub url: Option<String>,
    /// Build and start the release candidate by the profile's [launch], verify it, stop it.
    #[arg(long)]
    pub launch: bool,
    /// Only these checks or families.
    #[arg(long, value_name = "ID")]
    pub only: Vec<String>,
    /// All but these checks or families.
    #[arg(long, value_name = "ID")]
    pub skip: Vec<String>,
    /// Allow raw frames, bursts and held connections; `verify list` shows the checks that need it.
    #[arg(long)]
    pub intrusive: bool,
    /// Wait at most this long, such as 60s, for the target to answer with the expected release.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub wait: Option<Duration>,
    /// Send this header with every request, for protected previews. It is never recorded.
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// The expected release, compared with the profile's release header.
    #[arg(long, value_name = "SHA")]
    pub expect_release: Option<String>,
    /// Trust one more certificate authority, a PEM file.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    #[arg(long = "report", value_name = "FORMAT[=PATH]", help = reporters::help())]
    pub reports: Vec<Destination>,
    /// The lowest severity that fails the run; lower failures are reported too.
    #[arg(long, value_enum, value_name = "SEVERITY", default_value = "low")]
    pub fail_on: Severity,
    /// Compare snapshots of observed behaviour, accept them, or skip them.
    #[arg(long, value_enum, default_value = "check")]
    pub snapshots: Mode,
    /// Keep the evidence in this file, for `verify replay`.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
}

/// The drills of a release candidate.
#[derive(Args)]
pub struct DrillArguments {
    /// The profile to judge the candidate by: a name such as `production`, or a path. Its [launch] builds and starts
    /// the candidate.
    #[arg(long, value_name = "NAME|PATH")]
    pub profile: Option<String>,
    /// Only these checks or families.
    #[arg(long, value_name = "ID")]
    pub only: Vec<String>,
    /// All but these checks or families.
    #[arg(long, value_name = "ID")]
    pub skip: Vec<String>,
    #[arg(long = "report", value_name = "FORMAT[=PATH]", help = reporters::help())]
    pub reports: Vec<Destination>,
    /// The lowest severity that fails the run; lower failures are reported too.
    #[arg(long, value_enum, value_name = "SEVERITY", default_value = "low")]
    pub fail_on: Severity,
    /// Compare the snapshot of observed behaviour, accept it, or skip it.
    #[arg(long, value_enum, default_value = "check")]
    pub snapshots: Mode,
    /// Keep the evidence in this file, for `verify replay`.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
}

const EXIT_CODES: &str = "Exit codes: 0 proven · 1 a promise is broken · 2 usage or profile error · \
                          3 unreachable or inconclusive · 4 only snapshots drifted";

/// The environment of a release candidate: the variables that tools need, and those that the profile names.
pub fn launch_environment(profile: &Profile) -> Vec<(String, String)> {
    let declared = profile
        .secrets
        .required
        .iter()
        .chain([&profile.database.url_variable])
        .map(profiles::Variable::as_str);
    #[expect(
        clippy::disallowed_methods,
        reason = "the command line's module is the only reader of the environment"
    )]
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| {
            TOOLS.contains(&name.as_str())
                || TOOL_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
                || declared.clone().any(|known| known == name)
        })
        .collect()
}

/// Variables without which compilers, interpreters and package managers do not work.
const TOOLS: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "TERM",
    "TMPDIR",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "VIRTUAL_ENV",
    "CARGO_HOME",
    "CARGO_TARGET_DIR",
    "RUSTFLAGS",
];
const TOOL_PREFIXES: &[&str] =
    &["RUSTUP_", "CARGO_HTTP_", "CARGO_NET_", "CARGO_BUILD_", "CARGO_PROFILE_", "PYENV_", "NVM_"];

fn duration(text: &str) -> Result<Duration, String> {
    value::<profiles::Duration>(text).map(profiles::Duration::get)
}

fn origin(text: &str) -> Result<Origin, String> {
    value(text)
}

/// A value as profiles write it, or its mistake and the value to write instead.
fn value<T: std::str::FromStr<Err = profiles::Invalid>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|invalid: profiles::Invalid| match invalid.instead {
        Some(instead) => format!("{}; write {instead}", invalid.why),
        None => invalid.why,
    })
}
