//! The rig of the drills: a release candidate, a fault proxy, and the database behind it.
//!
//! Everything that it starts ends with it, also when it is dropped in the middle of a drill.
#![allow(clippy::disallowed_methods, reason = "a rig is processes, sockets and time")]

mod database;
pub mod proxy;
mod stage;

use std::path::PathBuf;
use std::time::Instant;

use profiles::Profile;

use crate::judge::plan::Plan;
use crate::launch::LaunchError;
use crate::model::drill::{Drilled, Step};
use crate::model::evidence::Evidence;
use crate::model::exchange::{Answer, Exchange, Means};
use crate::prober::ClientError;
use database::Database;
pub use database::DatabaseError;
use stage::Stage;

pub struct Rig<'a> {
    profile: &'a Profile,
    folder: PathBuf,
    /// What every candidate gets, but for PORT and what a drill changes.
    environment: Vec<(String, String)>,
    database: Database,
    /// Values that no answer and no log line may hold, each with the variable that holds it.
    secrets: Vec<(String, String)>,
}

#[derive(Debug, thiserror::Error)]
pub enum RigError {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("could not start the fault proxy: {0}")]
    Proxy(std::io::Error),
}

/// What a template has where a secret belongs.
pub(crate) const PLACEHOLDER: &str = "changeme";

impl<'a> Rig<'a> {
    /// `environment` is what the command line gives a candidate; every required secret but the database's URL becomes a canary.
    pub async fn raise(
        profile: &'a Profile,
        folder: PathBuf,
        environment: Vec<(String, String)>,
    ) -> Result<Self, RigError> {
        let variable = profile.database.url_variable.as_str();
        let find =
            |name: &str| environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let database = Database::find(variable, find(variable), find("PATH"), &canary(variable)).await?;
        let mut rig = Self { profile, folder, environment: Vec::new(), secrets: Vec::new(), database };
        let passwords = rig.database.passwords().into_iter();
        rig.secrets.extend(passwords.map(|password| (variable.to_owned(), password)));
        let declared = profile.secrets.required.iter().map(profiles::Variable::as_str);
        for name in declared.filter(|name| *name != variable) {
            rig.secrets.push((name.to_owned(), canary(name)));
        }
        let own = rig.secrets.iter().filter(|(name, _)| name != variable).cloned();
        let taken: Vec<&str> = rig.secrets.iter().map(|(name, _)| name.as_str()).chain([variable]).collect();
        let tools = environment.into_iter().filter(|(name, _)| !taken.contains(&name.as_str()));
        rig.environment = tools.chain(own).collect();
        Ok(rig)
    }

    /// Drills the candidate, drill after drill, and calls `progress` after each.
    pub async fn drill(&self, plan: &Plan<'_>, progress: impl Fn(usize)) -> Result<Evidence, RigError> {
        let started = Instant::now();
        let mut stage = Stage::set(self).await?;
        let mut exchanges = Vec::with_capacity(plan.probes.len());
        for (index, probe) in plan.probes.iter().enumerate() {
            let begun = Instant::now();
            let answer = match &probe.request.means {
                Means::Drill(steps) => Answer::Drilled(stage.drill(steps).await?),
                _ => stage.ask(&probe.request).await,
            };
            let exchange = Exchange {
                request: probe.request.clone(),
                answer,
                elapsed_ms: stage::millis(begun.elapsed()),
                received_ms: jiff::Timestamp::now().as_millisecond(),
            };
            exchanges.push((probe.clone(), exchange));
            progress(index + 1);
        }
        stage.strike().await;
        Ok(Evidence {
            schema: Evidence::SCHEMA.to_owned(),
            profile: plan.subject.declaration.named(),
            target: plan.subject.target.to_string(),
            expected_release: None,
            selection: plan.selection.clone(),
            allows: plan.subject.allows,
            duration_ms: stage::millis(started.elapsed()),
            requests: exchanges.iter().map(|(_, exchange)| asked(&exchange.answer)).sum(),
            exchanges,
        })
    }
}

fn asked(answer: &Answer) -> u64 {
    match answer {
        Answer::Drilled(Drilled { steps, .. }) => steps.iter().map(|seen| seen.answers.len() as u64).sum(),
        _ => 1,
    }
}

/// Whether a drill has a candidate of its own.
fn has_its_own(steps: &[Step]) -> bool {
    steps.iter().any(|step| matches!(step, Step::Start(_)))
}

/// A value that nothing else has, and that no refusal takes for a placeholder.
fn canary(name: &str) -> String {
    use std::hash::{BuildHasher as _, RandomState};
    format!("canary{:016x}", RandomState::new().hash_one(name))
}
