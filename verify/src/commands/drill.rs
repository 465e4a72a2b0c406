//! `verify drill`: starts a release candidate, and breaks its database, its start and its end.

use jiff::civil::Date;

use super::conclude::conclude;
use super::output::{destinations, progress, tell};
use super::subject::{declaration, loopback, root, subject};
use super::{Done, RunError};
use crate::cli::{DrillArguments, launch_environment};
use crate::drill_runner::Harness;
use crate::judge::plan::Plan;
use crate::launch::{self, LaunchContext};
use crate::model::check::Needs;
use crate::model::evidence::Selection;
use crate::report::recording;

pub(super) async fn drill(arguments: &DrillArguments, today: Date) -> Result<Done, RunError> {
    let reports = destinations(&arguments.reports)?;
    let declaration = declaration(arguments.profile.as_deref(), today)?;
    let profile = &declaration.profile;
    let selection = Selection { only: arguments.only.clone(), skip: arguments.skip.clone() };
    // The port differs from candidate to candidate; none of the drills' questions depends on it.
    let plan = Plan::of(subject(&declaration, loopback(1), None, Needs::Drill, today), &selection)?;

    let environment = launch_environment(profile);
    let folder = root(&declaration);
    if !profile.launch.build.is_empty() {
        tell(&format!("building: {}", profile.launch.build.join(" ")));
        let context = LaunchContext { folder: folder.clone(), environment: environment.clone() };
        launch::build(profile, &context).await?;
    }
    let harness = Harness::start(profile, folder, environment).await?;
    let progress = progress(plan.probes.len());
    let evidence = harness.run(&plan, |done| progress.set_position(done as u64)).await;
    progress.finish_and_clear();
    let evidence = evidence?;
    if let Some(path) = &arguments.record {
        recording::write(&evidence, path)?;
    }
    conclude(&plan, &evidence, arguments.snapshots, &reports, arguments.fail_on, today)
}
