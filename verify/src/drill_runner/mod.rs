//! Runs drills: a release candidate, the fault proxy behind it, and the database behind that.
//!
//! Dropping it ends every process that it started, also in the middle of a drill.
#![allow(clippy::disallowed_methods, reason = "drills are processes, sockets and time")]

mod database;
mod faults;
mod instance;
mod runner;
mod secrets;
mod steps;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use profiles::Profile;

use crate::judge::plan::Plan;
use crate::launch::LaunchError;
use crate::model::drill::{Action, Step};
use crate::model::evidence::Evidence;
use crate::model::exchange::{Answer, Exchange, Means};
use crate::prober::ClientError;
use database::Database;
pub use database::DatabaseError;
use runner::Runner;
use secrets::Secrets;

pub struct Harness<'a> {
    profile: &'a Profile,
    folder: PathBuf,
    /// The environment of every candidate, without PORT and a drill's changes.
    environment: Vec<(String, String)>,
    database: Database,
    secrets: Secrets,
}

#[derive(Debug, thiserror::Error)]
pub enum HarnessError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("the fault proxy could not listen: {0}")]
    Proxy(std::io::Error),
    #[error("could not make a private certificate authority: {0}")]
    Authority(std::io::Error),
}

/// The placeholder of a secret in templates.
pub(crate) const PLACEHOLDER: &str = "changeme";

impl<'a> Harness<'a> {
    /// `environment` comes from the command line; every required secret but the database's URL becomes
    /// a canary.
    pub async fn start(
        profile: &'a Profile,
        folder: PathBuf,
        environment: Vec<(String, String)>,
    ) -> Result<Self, HarnessError> {
        let variable = profile.database.url_variable.as_str();
        let given = environment.iter().find(|(name, _)| name == variable).map(|(_, value)| value.as_str());
        let database = Database::find(variable, given, &canary(variable)).await?;
        let required = profile.secrets.required.iter().map(profiles::Variable::as_str);
        let canaries: Vec<(String, String)> =
            required.filter(|name| *name != variable).map(|name| (name.to_owned(), canary(name))).collect();
        let passwords = database.passwords().into_iter().map(|password| (variable.to_owned(), password));
        let secrets = Secrets::new(passwords.chain(canaries.iter().cloned()));
        let replaced = |name: &str| name == variable || canaries.iter().any(|(canary, _)| canary == name);
        let kept = environment.into_iter().filter(|(name, _)| !replaced(name));
        let environment = kept.chain(canaries.iter().cloned()).collect();
        Ok(Self { profile, folder, environment, database, secrets })
    }

    /// Runs drill after drill, and calls `progress` after each.
    pub async fn run(&self, plan: &Plan<'_>, progress: impl Fn(usize)) -> Result<Evidence, HarnessError> {
        let started = Instant::now();
        let mut runner = Runner::start(self).await?;
        let mut exchanges = Vec::with_capacity(plan.probes.len());
        for (index, probe) in plan.probes.iter().enumerate() {
            let begun = Instant::now();
            let answer = match &probe.request.means {
                Means::Drill(steps) => Answer::Drilled(runner.drill(steps).await?),
                _ => runner.ask(&probe.request).await?,
            };
            let exchange = Exchange {
                request: probe.request.clone(),
                answer,
                elapsed_ms: millis(begun.elapsed()),
                received_ms: jiff::Timestamp::now().as_millisecond(),
            };
            exchanges.push((probe.clone(), exchange));
            progress(index + 1);
        }
        runner.shutdown().await;
        Ok(Evidence {
            schema: Evidence::SCHEMA.to_owned(),
            profile: plan.subject.declaration.named(),
            target: plan.subject.target.to_string(),
            expected_release: None,
            selection: plan.selection.clone(),
            allows: plan.subject.allows,
            duration_ms: millis(started.elapsed()),
            requests: exchanges.iter().map(|(_, exchange)| asked(&exchange.answer)).sum(),
            exchanges,
        })
    }
}

fn asked(answer: &Answer) -> u64 {
    match answer {
        Answer::Drilled(drilled) => drilled.asked(),
        _ => 1,
    }
}

/// Whether a drill starts its own candidate.
fn has_its_own(steps: &[Step]) -> bool {
    steps.iter().any(|step| matches!(step.action, Action::Start(_)))
}

/// A unique value that no service refuses as a placeholder.
fn canary(name: &str) -> String {
    use std::hash::{BuildHasher as _, RandomState};
    format!("canary{:016x}", RandomState::new().hash_one(name))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
