//! Sends the plan's probes and returns the evidence: the only part of a run that touches the network.
#![allow(clippy::disallowed_methods, reason = "probing is I/O and takes time")]

mod http;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use profiles::{Origin, Profile};
use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior};

use crate::exchange::{Answer, Evidence, Exchange, Response};
use crate::plan::Plan;
use crate::probe::Probe;

pub use http::ClientError;

/// How the target is reached, beyond what the profile says.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Sent with every request and never part of the evidence: they may hold the key of a protected preview.
    pub headers: Vec<(String, String)>,
    /// One more certificate authority to trust, as a PEM file.
    pub ca: Option<PathBuf>,
}

pub struct Prober {
    client: http::Client,
    concurrency: usize,
    /// Politeness towards other people's machines; this machine's loopback is not slowed.
    pace: Option<Mutex<Interval>>,
}

impl Prober {
    pub fn new(profile: &Profile, target: &Origin, access: &Access) -> Result<Self, ClientError> {
        let budget = &profile.verify;
        let pace = (!target.host().is_loopback()).then(|| {
            let mut interval = tokio::time::interval(Duration::from_secs(1) / budget.requests_per_second);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            Mutex::new(interval)
        });
        Ok(Self {
            client: http::Client::new(target, budget.timeout.get(), access)?,
            concurrency: budget.concurrency as usize,
            pace,
        })
    }

    /// Sends every probe once, round by round, and calls `progress` after each.
    /// When the first gets no answer, the others are not sent: the target is unreachable.
    pub async fn run(&self, plan: &Plan<'_>, progress: impl Fn(usize)) -> Evidence {
        let started = Instant::now();
        let mut exchanges: Vec<(usize, Exchange)> = Vec::with_capacity(plan.probes.len());
        let [first, ..] = plan.probes.as_slice() else {
            unreachable!("a plan always asks the health path");
        };
        let answer = self.send(first).await;
        progress(1);
        let reachable = answer.response().is_ok();
        exchanges.push((0, answer));

        let last_round = plan.probes.iter().map(|probe| probe.round).max().unwrap_or(0);
        for round in 0..=last_round {
            let probes = plan.probes.iter().enumerate().skip(1).filter(|(_, probe)| probe.round == round);
            if !reachable {
                exchanges.extend(probes.map(|(index, probe)| (index, unsent(probe))));
                continue;
            }
            let mut answers = stream::iter(probes)
                .map(|(index, probe)| async move { (index, self.send(probe).await) })
                .buffer_unordered(self.concurrency);
            while let Some(answer) = answers.next().await {
                exchanges.push(answer);
                progress(exchanges.len());
            }
        }
        exchanges.sort_by_key(|(index, _)| *index);
        Evidence {
            schema: Evidence::SCHEMA.to_owned(),
            profile: plan.subject.declaration.named(),
            target: plan.subject.target.to_string(),
            expected_release: plan.subject.expected_release.clone(),
            selection: plan.selection.clone(),
            duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            requests: if reachable { plan.probes.len() } else { 1 },
            exchanges: plan
                .probes
                .iter()
                .cloned()
                .zip(exchanges.into_iter().map(|(_, exchange)| exchange))
                .collect(),
        }
    }

    /// Asks the health path until its answer is good enough, at most as long as given. Says why it never was.
    pub async fn wait(
        &self,
        health: &str,
        longest: Duration,
        enough: impl Fn(&Response) -> Result<(), String>,
    ) -> Result<(), String> {
        let deadline = Instant::now() + longest;
        loop {
            let why = match self.client.send(&Probe::get(health).request).await.answer {
                Answer::Missing(why) => why,
                Answer::Received(response) => match enough(&response) {
                    Ok(()) => return Ok(()),
                    Err(why) => why,
                },
            };
            if Instant::now() >= deadline {
                return Err(why);
            }
            // Quick enough for a candidate on this machine; other people's are asked four times a second.
            tokio::time::sleep(Duration::from_millis(if self.pace.is_none() { 20 } else { 250 })).await;
        }
    }

    async fn send(&self, probe: &Probe) -> Exchange {
        if let Some(pace) = &self.pace {
            pace.lock().await.tick().await;
        }
        self.client.send(&probe.request).await
    }
}

fn unsent(probe: &Probe) -> Exchange {
    let answer = Answer::Missing("not sent: the target cannot be reached".to_owned());
    Exchange { request: probe.request.clone(), answer, elapsed_ms: 0, received_ms: 0 }
}
