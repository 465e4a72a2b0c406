//! The steps of a drill, one after the other, and their results.
#![allow(clippy::disallowed_methods, reason = "a drill is processes, sockets and time")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::instance::{recovered, told};
use super::runner::Runner;
use super::{HarnessError, millis};
use crate::model::check::Subject;
use crate::model::drill::{Action, Change, Signal, Step};
use crate::model::drilled::{Counts, Ended, StepResult, TimedReply};
use crate::model::exchange::{Request, Response};
use crate::model::missing::Missing;
use crate::prober::{HeldConnection, ProbeOptions, Prober};

/// The time in which a candidate must refuse its environment.
const REFUSAL: Duration = Duration::from_secs(5);

/// The requests and connections that outlast a step.
#[derive(Default)]
pub(super) struct InFlight {
    pub(super) index: usize,
    pub(super) begun: Vec<JoinHandle<TimedReply>>,
    /// Held connections, each with the step that opened it.
    pub(super) held: Vec<(usize, HeldConnection)>,
    pub(super) signalled: Option<Instant>,
}

impl Runner<'_> {
    pub(super) async fn step(
        &mut self,
        step: &Step,
        in_flight: &mut InFlight,
    ) -> Result<StepResult, HarnessError> {
        let begun = Instant::now();
        let mut seen = StepResult::default();
        match &step.action {
            Action::Start(change) => seen.ended = self.replace(change).await?,
            Action::Fault(fault) => self.begin(*fault).await?,
            Action::Cut => self.proxy.cut(),
            Action::Mark => self.proxy.mark(),
            Action::Ask(request, times) => {
                let instance = self.sound_or_own();
                let asked = (0..*times).map(|_| told(&instance.prober, request));
                seen.answers = join_all(asked).await;
            }
            Action::Begin(request, times) => {
                let instance = self.sound_or_own();
                for _ in 0..*times {
                    let (prober, request) = (Arc::clone(&instance.prober), request.clone());
                    in_flight.begun.push(tokio::spawn(async move { told(&prober, &request).await }));
                }
            }
            Action::Gather => {
                for task in in_flight.begun.drain(..) {
                    seen.answers.extend(task.await.ok());
                }
            }
            Action::Hold(text) => {
                let instance = self.sound_or_own();
                match instance.prober.hold(text).await {
                    Ok(held) => in_flight.held.push((in_flight.index, held)),
                    Err(why) => seen.answers.push(TimedReply { after_ms: 0, answer: Err(why) }),
                }
            }
            Action::Reach(address) => seen.answers.push(self.reach(address).await?),
            Action::Pause(ms) => sleep(Duration::from_millis(*ms)).await,
            Action::Signal(signal) => {
                let instance = self.sound_or_own();
                instance.changed = true;
                in_flight.signalled = Some(Instant::now());
                instance.candidate.signal(match signal {
                    Signal::Terminate => rustix::process::Signal::TERM,
                    Signal::Interrupt => rustix::process::Signal::INT,
                });
            }
            Action::Recover(ms) => {
                self.proxy.set(testkit::Fault::None).await.map_err(HarnessError::Proxy)?;
                let health = self.harness.profile.health.path.as_str().to_owned();
                let instance = self.sound_or_own();
                seen.answers.push(recovered(instance, &health, Duration::from_millis(*ms)).await);
            }
            Action::End(ms) => {
                let since = in_flight.signalled.unwrap_or(begun);
                let instance = self.sound_or_own();
                let status = instance.candidate.ended(Duration::from_millis(*ms)).await;
                seen.ended =
                    status.map(|status| Ended { code: status.code(), after_ms: millis(since.elapsed()) });
            }
        }
        in_flight.index += 1;
        seen.took_ms = millis(begun.elapsed());
        seen.counts = self.counts();
        self.hide(&mut seen).await;
        Ok(seen)
    }

    /// Replaces the candidate; returns the end of the new one, if it ended.
    async fn replace(&mut self, change: &Change) -> Result<Option<Ended>, HarnessError> {
        self.dismiss().await;
        let mut instance = self.launch(change)?;
        let begun = Instant::now();
        let within = match change {
            Change::Nothing | Change::VerifiedDatabase => self.harness.profile.launch.ready.get(),
            Change::Without(_) | Change::Empty(_) | Change::Placeholder(_) => REFUSAL,
        };
        let health = self.harness.profile.health.path.as_str();
        // A candidate that must refuse has its whole time; for another its first answer ends the wait.
        let refusal = within == REFUSAL && *change != Change::Nothing;
        let served = |answer: Result<&Response, Missing>| match answer {
            Ok(_) if !refusal => Ok(()),
            _ => Err(()),
        };
        let ended = tokio::select! {
            status = instance.candidate.ended(within) => status,
            _ = instance.prober.wait(health, within, served) => None,
        };
        instance.changed = *change != Change::Nothing;
        self.instance = Some(instance);
        Ok(ended.map(|status| Ended { code: status.code(), after_ms: millis(begun.elapsed()) }))
    }

    /// The candidate's port at another of this machine's addresses.
    async fn reach(&mut self, address: &str) -> Result<TimedReply, HarnessError> {
        let request = Request::new("GET", Subject::unknown_path());
        let port = self.sound_or_own().candidate.port();
        let target = format!("http://{address}:{port}").parse().expect("drills name addresses");
        let access = ProbeOptions { timeout: Some(self.patience()), ..ProbeOptions::default() };
        let prober = Prober::new(self.harness.profile, &target, &access)?;
        Ok(told(&prober, &request).await)
    }

    fn counts(&self) -> Counts {
        let counted = self.proxy.counts();
        let without = if self.without_tls { counted.plain_startups } else { 0 };
        Counts {
            open: counted.sessions.open,
            most_open: counted.sessions.most_open,
            queries: counted.queries,
            named_statements: counted.named_statements,
            trusting: counted.trusting_startups + without,
        }
    }

    /// Reads the new output, finds secrets in it and in the answers, and hides them.
    async fn hide(&mut self, seen: &mut StepResult) {
        if let Some(instance) = &mut self.instance {
            if seen.ended.is_some() {
                // The last lines may still be in the pipe.
                sleep(Duration::from_millis(50)).await;
            }
            seen.log = instance.candidate.written(instance.read);
            instance.read += seen.log.len();
        }
        let secrets = &self.harness.secrets;
        seen.leaks = secrets.leaks(&seen.log, &seen.answers);
        seen.log.iter_mut().for_each(|line| secrets.hide_in_line(line));
        for told in &mut seen.answers {
            if let Ok(response) = &mut told.answer {
                secrets.hide_in_answer(response);
            }
        }
    }
}
