//! The composition: load, plan, probe, judge, report.
#![allow(clippy::disallowed_methods, reason = "the composition reads the date and writes reports")]

mod drill;
mod init;
mod replay;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use profiles::{Declaration, EMBEDDED, LoadError, Origin, Profile};

use crate::checks::reference;
use crate::checks::runs_release;
use crate::cli::{Check, Cli, Command, launch_environment};
use crate::judge::plan::{Asked, Plan, PlanError, Selection};
use crate::judge::responder::Stamp;
use crate::judge::{judge, obstacle};
use crate::launch::{self, Candidate, LaunchError, Setting};
use crate::model::check::{Needs, Severity, Subject, judgeable};
use crate::model::exchange::{Evidence, Exchange, Response};
use crate::model::redact::shown;
use crate::prober::{Access, ClientError, Prober};
use crate::report::observed::observed;
use crate::report::recording::{self, TapeError};
use crate::report::snapshot::{self, Mode};
use crate::report::{Outcome, Report};
use crate::reporters::{Destination, REPORTERS};
use crate::rig::RigError;

/// What a command came to.
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
    #[error("the URL is no target: {0}; write scheme, host and port only, such as https://api.example.com")]
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
    Tape(#[from] TapeError),
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error(transparent)]
    Rig(#[from] RigError),
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

/// What asks a program to end.
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

pub async fn run(cli: Cli) -> Result<Done, RunError> {
    let today = Offset::UTC.to_datetime(Timestamp::now()).date();
    match cli.command {
        None => {
            tokio::select! {
                done = check(&cli.check, today) => done,
                // Dropping the run ends the candidate that it launched.
                signal = ended() => Err(RunError::Ended(signal)),
            }
        }
        Some(Command::Drill(arguments)) => {
            tokio::select! {
                done = drill::drill(&arguments, today) => done,
                // Dropping the rig ends what it started.
                signal = ended() => Err(RunError::Ended(signal)),
            }
        }
        Some(Command::Plan(arguments)) => plan(&arguments, today),
        Some(Command::List) => show(&reference::list()),
        Some(Command::Explain { id }) => show(&reference::explain(&id).ok_or(RunError::UnknownCheck(id))?),
        Some(Command::Init(arguments)) => init::init(&arguments, today).await,
        Some(Command::Replay { file, profile, url: Some(url), headers, ca, .. }) => {
            let (file, profile, ca) = (file.as_path(), profile.as_deref(), ca.as_deref());
            replay::again(&replay::Again { file, profile, url: &url, headers: &headers, ca }, today).await
        }
        Some(Command::Replay { file, profile, reports, fail_on, .. }) => {
            replay(&file, profile.as_deref(), &reports, fail_on, today)
        }
        Some(Command::Lint { profiles }) => lint(&profiles, today),
    }
}

async fn check(arguments: &Check, today: Date) -> Result<Done, RunError> {
    let reports = destinations(&arguments.reports)?;
    let declaration = declaration(arguments.profile.as_deref(), today)?;
    let profile = &declaration.profile;
    let access = access(&arguments.headers, arguments.ca.as_deref())?;
    let selection = Selection { only: arguments.only.clone(), skip: arguments.skip.clone() };
    // Everything that can be wrong with the call is found before a build is started or a byte is sent.
    let target = target(arguments, &declaration)?;
    // A candidate of our own is nobody else's service.
    let allows = if arguments.intrusive || arguments.launch { Needs::Intrusive } else { Needs::Nothing };
    let release = &arguments.expect_release;
    Plan::of(subject(&declaration, target.clone(), release.clone(), allows, today), &selection)?;
    Prober::new(profile, &target, &access)?;

    let mut candidate = if arguments.launch { Some(launched(&declaration).await?) } else { None };
    let target = candidate.as_ref().map_or(target, |candidate| loopback(candidate.port()));
    let prober = Prober::new(profile, &target, &access)?;
    if let Some(longest) = arguments.wait {
        ready(&prober, profile, longest, arguments.expect_release.as_deref())
            .await
            .map_err(RunError::Unready)?;
    }
    let plan = Plan::of(subject(&declaration, target, release.clone(), allows, today), &selection)?;

    let progress = progress(plan.probes.len());
    let probing = prober.run(&plan, |sent| progress.set_position(sent as u64));
    let evidence = match &mut candidate {
        Some(candidate) => candidate.during("while it was verified", probing).await?,
        None => probing.await,
    };
    progress.finish_and_clear();
    if let Some(candidate) = candidate {
        candidate.stop().await;
    }
    if let Some(path) = &arguments.record {
        recording::write(&evidence, path)?;
    }
    conclude(&plan, &evidence, arguments.snapshots, &reports, arguments.fail_on, today)
}

/// Waits until the health check answers 200, and from the expected release if one is named. A service that
/// answers otherwise to the end is ready as well: what is wrong with it, the checks say.
async fn ready(
    prober: &Prober,
    profile: &Profile,
    longest: Duration,
    release: Option<&str>,
) -> Result<(), String> {
    let health = profile.health.path.as_str();
    let enough = |response: &Response| match (response.status, release) {
        (200, Some(release)) => runs_release(profile, response, release),
        (200, None) => Ok(()),
        (status, _) => Err(format!("GET {health} answered {status}")),
    };
    match (prober.wait(health, longest, enough).await, release) {
        (Err(why), None) => prober.wait(health, Duration::ZERO, |_| Ok(())).await.map_err(|_| why),
        (outcome, _) => outcome,
    }
}

/// The pure end of a run, the same for a live target and a recording.
fn conclude(
    plan: &Plan<'_>,
    evidence: &Evidence,
    snapshots: Mode,
    reports: &[Destination],
    fail_on: Severity,
    today: Date,
) -> Result<Done, RunError> {
    let declaration = plan.subject.declaration;
    let mut report = Report::new(declaration, judge(plan, evidence), today).of_run(evidence);
    report.fail_on = fail_on;
    report.obstacle = obstacle(plan, evidence).filter(|_| plan.subject.allows != Needs::Drill);
    if report.obstacle.is_none() {
        report.observed = observed(plan, evidence);
    }
    if snapshots != Mode::Off && plan.selection.is_everything() {
        let mut usual = evidence.exchanges.iter().filter(|(probe, _)| probe.request.means.is_client());
        let stamp = Stamp::of(plan, evidence);
        let unknown =
            |exchange: &Exchange| judgeable(exchange).err().or_else(|| stamp.as_ref()?.gateways(exchange));
        match usual.find_map(|(_, exchange)| unknown(exchange)) {
            // A snapshot of half an answer would be reviewed as if it were the whole.
            Some(_) if report.obstacle.is_some() => {}
            Some(why) => report.warnings.push(format!("snapshots were not compared: {}", shown(&why))),
            None => {
                report.snapshots = snapshot::hold(&snapshot_folder(declaration), &report.observed, snapshots);
            }
        }
    }
    for destination in reports {
        write(destination, &(destination.reporter.render)(&report))?;
    }
    Ok(Done::Judged(report.outcome()))
}

fn plan(arguments: &Check, today: Date) -> Result<Done, RunError> {
    let declaration = declaration(arguments.profile.as_deref(), today)?;
    let selection = Selection { only: arguments.only.clone(), skip: arguments.skip.clone() };
    let target = target(arguments, &declaration)?;
    let allows = if arguments.intrusive || arguments.launch { Needs::Intrusive } else { Needs::Nothing };
    let subject = subject(&declaration, target, arguments.expect_release.clone(), allows, today);
    let plan = Plan::of(subject, &selection)?;
    let mut text = format!(
        "profile {} · {} · {} checks, {} requests\n",
        declaration.name,
        plan.subject.target,
        plan.checks.len(),
        plan.requests()
    );
    for planned in &plan.checks {
        let asked = match &planned.asked {
            Asked::Probes(probes) => format!("{:4} requests", probes.len()),
            Asked::Everything { .. } => " all answers".to_owned(),
            Asked::Skipped(why) => format!("n/a: {why}"),
        };
        // Without the option the reason why nothing is asked says so.
        let needs = planned.check.needs.option().filter(|_| planned.check.needs <= plan.subject.allows);
        let needs = needs.map_or_else(String::new, |option| format!(", for {option}"));
        let _ = writeln!(text, "\n{}  {asked}{needs}", planned.check.id);
        if let Asked::Probes(probes) = &planned.asked {
            for (index, _) in probes {
                let _ = writeln!(text, "    {}", plan.probes[*index].request);
            }
        }
    }
    show(&text)
}

fn replay(
    file: &Path,
    profile: Option<&str>,
    reports: &[Destination],
    fail_on: Severity,
    today: Date,
) -> Result<Done, RunError> {
    let reports = destinations(reports)?;
    let evidence = recording::read(file)?;
    let declaration = declaration(Some(profile.unwrap_or(&evidence.profile)), today)?;
    let target = parse_target(&evidence.target)?;
    let plan = Plan::of(
        subject(&declaration, target, evidence.expected_release.clone(), evidence.allows, today),
        &evidence.selection,
    )?;
    conclude(&plan, &evidence, Mode::Off, &reports, fail_on, today)
}

fn lint(names: &[String], today: Date) -> Result<Done, RunError> {
    let names: Vec<&str> = if names.is_empty() {
        EMBEDDED.iter().map(|(name, _, _)| *name).collect()
    } else {
        names.iter().map(String::as_str).collect()
    };
    let mut wrong = Vec::new();
    for name in names {
        match Declaration::load(name, today) {
            Ok(declaration) if declaration.warnings.is_empty() => {
                show(&format!("{}: sound\n", declaration.source.file()))?;
            }
            Ok(declaration) => wrong.push(declaration.render_warnings()),
            Err(error) => wrong.push(error.to_string()),
        }
    }
    if wrong.is_empty() { Ok(Done::Shown) } else { Err(RunError::Lint(wrong.join("\n\n"))) }
}

fn declaration(name: Option<&str>, today: Date) -> Result<Declaration, RunError> {
    let declaration = Declaration::load(name.ok_or(RunError::NoProfile)?, today)?;
    if !declaration.warnings.is_empty() {
        tell(&declaration.render_warnings());
    }
    Ok(declaration)
}

fn subject(
    declaration: &Declaration,
    target: Origin,
    expected_release: Option<String>,
    allows: Needs,
    today: Date,
) -> Subject<'_> {
    let siblings = declaration.siblings(today);
    let foreign = siblings.iter().flat_map(|sibling| {
        sibling.profile.cors.origins.iter().map(|origin| (sibling.name.clone(), origin.clone()))
    });
    Subject { declaration, target, foreign: foreign.collect(), expected_release, allows }
}

fn target(arguments: &Check, declaration: &Declaration) -> Result<Origin, RunError> {
    match &arguments.url {
        Some(url) => parse_target(url),
        None => Ok(declaration.profile.deployment.url.clone()),
    }
}

/// A URL as people paste it: a slash at the end is forgiven, a path is not.
fn parse_target(text: &str) -> Result<Origin, RunError> {
    let origin = text.strip_suffix('/').unwrap_or(text).parse();
    origin.map_err(|invalid: profiles::Invalid| RunError::Url(invalid.why))
}

fn access(headers: &[String], ca: Option<&Path>) -> Result<Access, RunError> {
    let headers = headers.iter().map(|header| split(header)).collect::<Result<_, _>>()?;
    Ok(Access { headers, ca: ca.map(Path::to_path_buf), plain_port: None, timeout: None })
}

/// `Name: value`. The text is not repeated in an error: it may be a key.
fn split(header: &str) -> Result<(String, String), RunError> {
    let (name, value) = header.split_once(':').ok_or(RunError::Header)?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn loopback(port: u16) -> Origin {
    format!("http://127.0.0.1:{port}").parse().expect("a loopback address with a port is an origin")
}

/// Builds the candidate, starts it and waits until it is healthy.
async fn launched(declaration: &Declaration) -> Result<Candidate, RunError> {
    let profile = &declaration.profile;
    let setting = Setting { folder: root(declaration), environment: launch_environment(profile) };
    if !profile.launch.build.is_empty() {
        tell(&format!("building: {}", profile.launch.build.join(" ")));
        launch::build(profile, &setting).await?;
    }
    let mut candidate = Candidate::start(profile, &setting)?;
    tell(&format!("launched on port {}: {}", candidate.port(), profile.launch.command.join(" ")));
    let prober = Prober::new(profile, &loopback(candidate.port()), &Access::default())?;
    let within = profile.launch.ready.get();
    match candidate.until(within, ready(&prober, profile, within, None)).await {
        Ok(after) => {
            tell(&format!("answered {} ms after its start", after.as_millis()));
            Ok(candidate)
        }
        Err(error) => {
            candidate.stop().await;
            Err(error.into())
        }
    }
}

/// The repository's root for embedded profiles, the current folder for others.
fn root(declaration: &Declaration) -> PathBuf {
    let here = PathBuf::from(".");
    if !declaration.embedded {
        return here;
    }
    // Built in the repository, run from anywhere.
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().filter(|root| root.join("profiles").is_dir()).map_or(here, Path::to_path_buf)
}

/// `verify/snapshots/<profile>` for embedded profiles, where `cargo insta` looks; else beside the profile.
fn snapshot_folder(declaration: &Declaration) -> PathBuf {
    if declaration.embedded {
        return root(declaration).join("verify/snapshots").join(&declaration.name);
    }
    let folder = Path::new(declaration.source.file()).parent().unwrap_or(Path::new("."));
    folder.join("snapshots").join(&declaration.name)
}

fn destinations(reports: &[Destination]) -> Result<Vec<Destination>, RunError> {
    if reports.iter().filter(|destination| destination.path.is_none()).count() > 1 {
        return Err(RunError::SharedOutput);
    }
    if reports.is_empty() {
        return Ok(vec![Destination { reporter: REPORTERS[0], path: None }]);
    }
    Ok(reports.to_vec())
}

fn write(destination: &Destination, text: &str) -> Result<(), RunError> {
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
fn show(text: &str) -> Result<Done, RunError> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // A reader such as `head` that has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Done::Shown),
        Err(error) => Err(RunError::Write { path: "standard output".to_owned(), error }),
        Ok(()) => Ok(Done::Shown),
    }
}

/// Shown on a terminal only.
fn progress(requests: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(requests as u64), ProgressDrawTarget::stderr());
    bar.with_style(
        ProgressStyle::with_template("probing {pos}/{len} {bar:40}").expect("the template is a constant"),
    )
}

/// To standard error, which may be closed.
fn tell(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// The first signal that asks for an end: from the keyboard, a supervisor or a terminal that closes.
async fn ended() -> Signal {
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
