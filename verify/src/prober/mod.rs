//! Sends the plan's probes and returns the evidence: the only part of a run that touches the network.
#![allow(clippy::disallowed_methods, reason = "probing is I/O and takes time")]

mod burst;
mod certificate;
mod failure;
mod frames;
mod handshake;
mod http;
mod responses;
mod wire;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;
use profiles::{Origin, Profile};
use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior};

use crate::judge::plan::Plan;
use crate::model::evidence::Evidence;
use crate::model::exchange::{Answer, Exchange, Means, Request, Response};
use crate::model::missing::{Missing, NotSent};
use crate::model::probe::Probe;

pub use http::ClientError;
use http::with_protocols;
pub use wire::HeldConnection;
use wire::Wire;

/// How the target is reached, beyond the profile.
#[derive(Clone, Debug, Default)]
pub struct ProbeOptions {
    /// Sent with every request and never part of the evidence: they may hold the key of a protected preview.
    pub headers: Vec<(String, String)>,
    /// One more certificate authority to trust, as a PEM file.
    pub ca: Option<PathBuf>,
    /// The port for plain HTTP, if not 80.
    pub plain_port: Option<u16>,
    /// For drills: the longest wait for an answer, in place of the profile's `verify.timeout`. Then no connection is
    /// used twice.
    pub timeout: Option<Duration>,
}

pub struct Prober {
    client: http::HttpClient,
    wire: Wire,
    /// The number of seconds that the last 429 asked to wait.
    retry_after: AtomicU64,
    concurrency: usize,
    /// The limit on the rate of requests to remote targets; loopback has none.
    pace: Option<Mutex<Interval>>,
}

impl Prober {
    pub fn new(profile: &Profile, target: &Origin, options: &ProbeOptions) -> Result<Self, ClientError> {
        let budget = &profile.verify;
        let pace = (!target.host().is_loopback()).then(|| {
            let mut interval = tokio::time::interval(Duration::from_secs(1) / budget.requests_per_second);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            Mutex::new(interval)
        });
        let timeout = options.timeout.unwrap_or_else(|| budget.timeout.get());
        let client = http::HttpClient::new(target, timeout, options)?;
        let wire = Wire::new(
            target,
            timeout,
            with_protocols(client.tls(), &[b"http/1.1"]),
            client.private(),
            client.confidential(),
        );
        Ok(Self {
            client,
            wire,
            retry_after: AtomicU64::new(0),
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
            // Without an answer only handshakes are still sent: they may show the reason.
            let (mut sent, unsent): (Vec<_>, Vec<_>) =
                probes.partition(|(_, probe)| reachable || probe.request.means.is_handshake());
            exchanges.extend(unsent.into_iter().map(|(index, probe)| (index, not_sent(probe))));
            // Probes with several round trips go first, so that the run does not wait for them at its end.
            sent.sort_by_key(|(_, probe)| probe.request.means.is_client());
            let mut answers = stream::iter(sent)
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
            allows: plan.subject.allows,
            duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            requests: if reachable { plan.requests() } else { 1 },
            exchanges: plan
                .probes
                .iter()
                .cloned()
                .zip(exchanges.into_iter().map(|(_, exchange)| exchange))
                .collect(),
        }
    }

    /// One request outside of any plan, and the duration of its answer in milliseconds.
    pub async fn ask(&self, request: &Request) -> (Answer, u64) {
        let started = Instant::now();
        let answer = self.client.send(request).await;
        (answer, u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// Opens a connection, writes the text, and leaves it to the caller.
    pub async fn hold(&self, text: &str) -> Result<HeldConnection, Missing> {
        self.wire.hold(text).await
    }

    /// Requests the health path until its answer is accepted, for at most the given time; else returns why it was not.
    pub async fn wait<W>(
        &self,
        health: &str,
        longest: Duration,
        enough: impl Fn(Result<&Response, Missing>) -> Result<(), W>,
    ) -> Result<(), W> {
        let deadline = Instant::now() + longest;
        loop {
            let answer = self.client.send(&Probe::get(health).request).await;
            let outcome = enough(answer.response());
            if outcome.is_ok() || Instant::now() >= deadline {
                return outcome;
            }
            // A candidate on this machine is asked often; remote targets four times a second.
            tokio::time::sleep(Duration::from_millis(if self.pace.is_none() { 20 } else { 250 })).await;
        }
    }

    async fn send(&self, probe: &Probe) -> Exchange {
        if let Some(pace) = &self.pace {
            pace.lock().await.tick().await;
        }
        let request = &probe.request;
        let started = Instant::now();
        let answer = match &request.means {
            Means::Raw(raw) => self.wire.hear(raw).await.map(Answer::Raw),
            Means::Frames => frames::ask(&self.wire, request).await.map(Answer::Raw),
            Means::Handshake(offer) => handshake::shake(&self.wire, *offer).await.map(Answer::Handshake),
            Means::Burst(connections) => {
                Ok(Answer::Burst(burst::ask(&self.wire, request, *connections).await))
            }
            Means::AfterRetry => {
                let seconds = self.retry_after.load(Ordering::Relaxed).min(LONGEST_RETRY);
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                Ok(self.client.send(request).await)
            }
            Means::Drill(_) => Err(Missing::NotSent(NotSent::DrillOnly)),
            Means::Client | Means::Http2 | Means::Plain | Means::Address(_) => {
                Ok(self.client.send(request).await)
            }
        };
        if let Some(seconds) = answer.as_ref().ok().and_then(retry_after) {
            self.retry_after.store(seconds, Ordering::Relaxed);
        }
        Exchange {
            request: request.clone(),
            answer: answer.unwrap_or_else(Answer::Missing),
            elapsed_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            received_ms: Timestamp::now().as_millisecond(),
        }
    }
}

/// A rate limit counts by the minute; a longer wait is not worth one check.
const LONGEST_RETRY: u64 = 65;

/// The wait that a 429 requests, in seconds (RFC 9110 section 10.2.3; a date is ignored).
fn retry_after(answer: &Answer) -> Option<u64> {
    let value = match answer {
        Answer::Received(response) if response.status == 429 => response.header("retry-after"),
        Answer::Burst(burst) => burst.retry_after.clone(),
        _ => None,
    };
    value?.parse().ok()
}

fn not_sent(probe: &Probe) -> Exchange {
    let answer = Answer::Missing(Missing::NotSent(NotSent::TargetSilent));
    Exchange { request: probe.request.clone(), answer, elapsed_ms: 0, received_ms: 0 }
}
