//! A running candidate: its start with an unchanged or a changed environment, requests to it, and its health.
#![allow(clippy::disallowed_methods, reason = "a candidate takes time")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::runner::Runner;
use super::{HarnessError, PLACEHOLDER, millis};
use crate::launch::{Candidate, LaunchContext};
use crate::model::drill::Change;
use crate::model::drilled::TimedReply;
use crate::model::exchange::{Request, Response};
use crate::model::missing::Missing;
use crate::prober::{ProbeOptions, Prober};

/// The wait beyond a promise, so that a late answer is measured.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running candidate, and the client that asks it.
pub(super) struct Instance {
    pub(super) candidate: Candidate,
    pub(super) prober: Arc<Prober>,
    /// The number of its lines that have been read.
    pub(super) read: usize,
    /// Its environment was changed, so no other drill uses it.
    pub(super) changed: bool,
}

impl Runner<'_> {
    pub(super) fn launch(&self, change: &Change) -> Result<Instance, HarnessError> {
        let variable = self.harness.profile.database.url_variable.as_str();
        let mut environment = self.harness.environment.clone();
        let trusted = self.authority.file().display().to_string();
        let (host, parameters): (_, &[(&str, &str)]) = match change {
            // A name, because certificates are for names.
            Change::VerifiedDatabase => {
                environment.push(("PGSSLROOTCERT".to_owned(), trusted.clone()));
                ("localhost", &[("sslmode", "verify-full"), ("sslrootcert", &trusted)])
            }
            _ => ("127.0.0.1", &[]),
        };
        let url = self.harness.database.through(host, self.proxy.port(), parameters);
        environment.push((variable.to_owned(), url));
        let set = |environment: &mut Vec<(String, String)>, name: &str, value: Option<&str>| {
            environment.retain(|(known, _)| known != name);
            environment.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        };
        match change {
            Change::Nothing | Change::VerifiedDatabase => {}
            Change::Without(name) => set(&mut environment, name, None),
            Change::Empty(name) => set(&mut environment, name, Some("")),
            Change::Placeholder(name) => set(&mut environment, name, Some(PLACEHOLDER)),
        }
        let setting = LaunchContext { folder: self.harness.folder.clone(), environment };
        let candidate = Candidate::start(self.harness.profile, &setting)?;
        let target = format!("http://127.0.0.1:{}", candidate.port()).parse();
        let target = target.expect("a loopback address with a port is an origin");
        let access = ProbeOptions { timeout: Some(self.patience()), ..ProbeOptions::default() };
        let prober = Prober::new(self.harness.profile, &target, &access)?;
        Ok(Instance { candidate, prober: Arc::new(prober), read: 0, changed: false })
    }

    /// The longest wait for any answer.
    pub(super) fn patience(&self) -> Duration {
        self.harness.profile.server.request_timeout.get().max(self.harness.profile.verify.timeout.get())
            + PATIENCE
    }
}

impl Instance {
    /// Waits until it is healthy, or returns why it is not. Does not wait for one that has ended.
    pub(super) async fn well(&mut self, health: &str, within: Duration) -> Result<(), Missing> {
        tokio::select! {
            Some(status) = self.candidate.ended(within) => Err(Missing::Ended { code: status.code() }),
            well = self.prober.wait(health, within, is_healthy) => well,
        }
    }
}

fn is_healthy(answer: Result<&Response, Missing>) -> Result<(), Missing> {
    match answer?.status {
        200 => Ok(()),
        status => Err(Missing::Unhealthy { status }),
    }
}

pub(super) async fn told(prober: &Prober, request: &Request) -> TimedReply {
    let (answer, after_ms) = prober.ask(request).await;
    TimedReply { after_ms, answer: answer.response().cloned() }
}

/// The first healthy answer, or the last of the others, with the time that it took.
pub(super) async fn recovered(instance: &mut Instance, health: &str, within: Duration) -> TimedReply {
    let begun = Instant::now();
    let outcome = instance.well(health, within).await;
    let mut told = told(&instance.prober, &Request::new("GET", health)).await;
    told.after_ms = millis(begun.elapsed());
    if let Err(why) = outcome {
        told.answer = Err(why);
    }
    told
}
