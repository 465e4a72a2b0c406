//! The order of a drill: steady state, the steps, repair, steady state.
#![allow(clippy::disallowed_methods, reason = "a drill is processes, sockets and time")]

use std::time::{Duration, Instant};

use testkit::{Authority, FaultProxy};
use tokio::time::sleep;

use super::instance::Instance;
use super::steps::InFlight;
use super::{Harness, HarnessError, has_its_own, millis};
use crate::model::drill::{Change, Step};
use crate::model::drilled::{Drilled, Steady, StepResult};
use crate::model::exchange::{Answer, Request};
use crate::model::missing::{Missing, NotSent};

/// The state between two drills.
const CALM: Duration = Duration::from_millis(150);

pub(super) struct Runner<'a> {
    pub(super) harness: &'a Harness<'a>,
    pub(super) proxy: FaultProxy,
    pub(super) instance: Option<Instance>,
    /// Why no drill on a sound candidate can be run.
    startup_failure: Option<Missing>,
    /// The authority that a candidate must trust for its database.
    pub(super) authority: Authority,
    /// Whether the database is to have no TLS: a session without it should not be.
    pub(super) without_tls: bool,
}

impl<'a> Runner<'a> {
    pub(super) async fn start(harness: &'a Harness<'a>) -> Result<Self, HarnessError> {
        let proxy = FaultProxy::start(harness.database.upstream()?).await.map_err(HarnessError::Proxy)?;
        let authority = Authority::new().map_err(HarnessError::Authority)?;
        Ok(Self { harness, proxy, instance: None, startup_failure: None, authority, without_tls: false })
    }

    /// Ends the candidate; the proxy ends with the runner.
    pub(super) async fn shutdown(mut self) {
        self.dismiss().await;
    }

    /// One ordinary request to a sound candidate.
    pub(super) async fn ask(&mut self, request: &Request) -> Result<Answer, HarnessError> {
        let Some(instance) = self.sound_instance().await? else {
            return Ok(Answer::Missing(Missing::NotSent(NotSent::NoCandidate)));
        };
        let mut answer = instance.prober.ask(request).await.0;
        if let Answer::Received(response) = &mut answer {
            self.harness.secrets.hide_in_answer(response);
        }
        Ok(answer)
    }

    /// Steady state, the steps, repair, steady state.
    pub(super) async fn drill(&mut self, steps: &[Step]) -> Result<Drilled, HarnessError> {
        let before = if has_its_own(steps) {
            Steady::Unasked
        } else {
            self.sound_instance().await?;
            if let Some(why) = self.startup_failure.clone() {
                let within_ms = self.harness.profile.launch.ready.millis();
                let before = Steady::Not { why, within_ms };
                return Ok(Drilled::new(before, Vec::new(), Steady::Unasked));
            }
            // A shared answer may outlive the requests that shared it.
            sleep(CALM).await;
            self.steady().await
        };
        self.proxy.mark();
        let mut in_flight = InFlight::default();
        let mut seen: Vec<StepResult> = Vec::with_capacity(steps.len());
        for step in steps {
            seen.push(self.step(step, &mut in_flight).await?);
        }
        for held in in_flight.held {
            let (index, connection) = held;
            seen[index].closed = connection.is_closed().await;
        }
        for task in in_flight.begun {
            task.abort();
        }
        self.proxy.set(testkit::Fault::None).await.map_err(HarnessError::Proxy)?;
        self.without_tls = false;
        let gone =
            self.instance.as_mut().is_none_or(|instance| instance.changed || instance.candidate.has_ended());
        let after = if gone { Steady::Unasked } else { self.steady().await };
        // The next drill cannot use a candidate that did not recover, or was changed.
        if !matches!(after, Steady::Healthy(_)) {
            self.dismiss().await;
        }
        Ok(Drilled::new(before, seen, after))
    }

    /// The running candidate, or another one when it has ended or was changed.
    async fn sound_instance(&mut self) -> Result<Option<&mut Instance>, HarnessError> {
        let usable = self
            .instance
            .as_mut()
            .is_some_and(|instance| !instance.changed && !instance.candidate.has_ended());
        if !usable && self.startup_failure.is_none() {
            self.dismiss().await;
            let mut instance = self.launch(&Change::Nothing)?;
            let within = self.harness.profile.launch.ready.get();
            let health = self.harness.profile.health.path.as_str();
            // A candidate that was never healthy will not be for the next drill.
            self.startup_failure = instance.well(health, within).await.err();
            self.instance = Some(instance);
        }
        Ok(self.instance.as_mut())
    }

    /// The candidate that the drill started, or the shared one.
    pub(super) fn sound_or_own(&mut self) -> &mut Instance {
        self.instance.as_mut().expect("a drill starts its candidate, or finds a sound one: see `drill`")
    }

    async fn steady(&mut self) -> Steady {
        let within = self.harness.profile.drill.recovery.get();
        let health = self.harness.profile.health.path.as_str();
        let Some(instance) = &mut self.instance else { return Steady::Unasked };
        let begun = Instant::now();
        match instance.well(health, within).await {
            Ok(()) => Steady::Healthy(millis(begun.elapsed())),
            Err(why) => Steady::Not { why, within_ms: millis(within) },
        }
    }

    pub(super) async fn dismiss(&mut self) {
        if let Some(instance) = self.instance.take() {
            instance.candidate.stop().await;
        }
    }
}
