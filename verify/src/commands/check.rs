//! `verify`: the checks, against a live target or a candidate that it launches.

use std::time::Duration;

use jiff::civil::Date;
use profiles::{Declaration, Profile};

use super::conclude::conclude;
use super::output::{destinations, progress, tell};
use super::subject::{declaration, loopback, options, root, subject, target};
use super::{Done, RunError};
use crate::checks::runs_release;
use crate::cli::{CheckArguments, launch_environment};
use crate::judge::plan::Plan;
use crate::launch::{self, Candidate, LaunchContext};
use crate::model::check::Needs;
use crate::model::evidence::Selection;
use crate::model::exchange::Response;
use crate::model::missing::Missing;
use crate::prober::{ProbeOptions, Prober};
use crate::report::recording;

pub(super) async fn check(arguments: &CheckArguments, today: Date) -> Result<Done, RunError> {
    let reports = destinations(&arguments.reports)?;
    let declaration = declaration(arguments.profile.as_deref(), today)?;
    let profile = &declaration.profile;
    let options = options(&arguments.headers, arguments.ca.as_deref())?;
    let selection = Selection { only: arguments.only.clone(), skip: arguments.skip.clone() };
    // Every mistake in the call is found before a build starts or a byte is sent.
    let target = target(arguments, &declaration)?;
    // No other client uses a launched candidate, so intrusive probes are allowed.
    let allows = if arguments.intrusive || arguments.launch { Needs::Intrusive } else { Needs::Nothing };
    let release = &arguments.expect_release;
    Plan::of(subject(&declaration, target.clone(), release.clone(), allows, today), &selection)?;
    Prober::new(profile, &target, &options)?;

    let mut candidate = if arguments.launch { Some(launched(&declaration).await?) } else { None };
    let target = candidate.as_ref().map_or(target, |candidate| loopback(candidate.port()));
    let prober = Prober::new(profile, &target, &options)?;
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
/// answers otherwise to the end is ready as well: the checks report its faults.
async fn ready(
    prober: &Prober,
    profile: &Profile,
    longest: Duration,
    release: Option<&str>,
) -> Result<(), String> {
    let health = profile.health.path.as_str();
    let enough = |answer: Result<&Response, Missing>| match (answer, release) {
        (Err(why), _) => Err(why.to_string()),
        (Ok(response), Some(release)) if response.status == 200 => runs_release(profile, response, release),
        (Ok(response), _) if response.status == 200 => Ok(()),
        (Ok(response), _) => Err(format!("GET {health} answered {}", response.status)),
    };
    match (prober.wait(health, longest, enough).await, release) {
        (Err(why), None) => {
            let any = |answer: Result<&Response, Missing>| answer.map(drop);
            prober.wait(health, Duration::ZERO, any).await.map_err(|_| why)
        }
        (outcome, _) => outcome,
    }
}

/// Builds the candidate, starts it and waits until it is healthy.
async fn launched(declaration: &Declaration) -> Result<Candidate, RunError> {
    let profile = &declaration.profile;
    let context = LaunchContext { folder: root(declaration), environment: launch_environment(profile) };
    if !profile.launch.build.is_empty() {
        tell(&format!("building: {}", profile.launch.build.join(" ")));
        launch::build(profile, &context).await?;
    }
    let mut candidate = Candidate::start(profile, &context)?;
    tell(&format!("launched on port {}: {}", candidate.port(), profile.launch.command.join(" ")));
    let prober = Prober::new(profile, &loopback(candidate.port()), &ProbeOptions::default())?;
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
