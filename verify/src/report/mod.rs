//! The report: verdicts with waivers applied, and the outcome of the run.

pub mod observed;
pub mod recording;
mod reproduce;
pub mod snapshot;

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::civil::Date;
use profiles::{Declaration, Location};

use crate::checks;
use crate::cors::exploit::Exploit;
use crate::judge::Judgement;
use crate::judge::responder::Responder;
use crate::model::check::{Check, Needs, Severity, Verdict};
use crate::model::evidence::Evidence;
use crate::model::exchange::{Answer, Exchange, Means, Request};
use crate::report::observed::{Observed, Snapshots};
use crate::report::reproduce::command;

pub struct Report<'a> {
    pub declaration: &'a Declaration,
    pub target: String,
    pub duration_ms: u64,
    pub requests: u64,
    /// The reason why no check could be judged.
    pub obstacle: Option<String>,
    /// Every planned check, with any status.
    pub findings: Vec<Finding>,
    /// Failures below it are reported, but do not fail the run.
    pub fail_on: Severity,
    /// The observed behaviour, for snapshots; empty if no check could be judged.
    pub observed: Vec<Observed>,
    pub snapshots: Snapshots,
    /// The duration of each answer, in the order of the plan.
    pub latencies: Vec<Latency>,
    /// The drills in their order, each with a line per phase.
    pub drills: Vec<Vec<String>>,
    /// Warnings for the user.
    pub warnings: Vec<String>,
}

pub struct Latency {
    /// Such as `GET /health`.
    pub request: String,
    pub ms: u64,
}

pub struct Finding {
    pub check: &'static Check,
    pub status: Status,
    /// One entry for each broken answer; or why the check is inconclusive or does not apply.
    pub observed: Vec<String>,
    /// Such as `cors.origins[1]`.
    pub promise: String,
    pub location: Location,
    pub request: Option<Request>,
    /// The responder of a failure's answer, if it is known.
    pub responder: Option<Responder>,
    /// The exploit of a failure about CORS.
    pub exploit: Option<Exploit>,
    /// The reason why the failure is accepted, and the last day.
    pub waiver: Option<(String, Date)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Pass,
    Fail,
    Inconclusive,
    NotApplicable,
    Waived,
}

/// The outcome of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every promise was kept.
    Pass,
    /// A promise is broken.
    Fail,
    /// No promise is known to be broken, but not all could be judged.
    Inconclusive,
    /// Only observed behaviour differs from the reviewed one.
    Drift,
}

impl<'a> Report<'a> {
    pub fn new(declaration: &'a Declaration, judgements: Vec<Judgement>, today: Date) -> Self {
        let mut used = vec![false; declaration.profile.waivers.len()];
        let mut findings: Vec<Finding> = judgements
            .into_iter()
            .map(|judgement| finding(declaration, judgement, today, &mut used))
            .collect();
        judge_waivers(declaration, &mut findings, &used, today);
        Self {
            declaration,
            target: String::new(),
            duration_ms: 0,
            requests: 0,
            obstacle: None,
            findings,
            fail_on: Severity::Low,
            observed: Vec::new(),
            snapshots: Snapshots::default(),
            latencies: Vec::new(),
            drills: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Adds the run's own figures from the evidence.
    #[must_use]
    pub fn of_run(self, evidence: &Evidence) -> Self {
        let answered = evidence.exchanges.iter().filter(|(_, exchange)| exchange.response().is_ok());
        let latencies = answered.map(|(_, exchange)| Latency {
            request: format!("{} {}", exchange.request.method, exchange.request.path),
            ms: exchange.elapsed_ms,
        });
        Self {
            target: evidence.target.clone(),
            duration_ms: evidence.duration_ms,
            requests: evidence.requests,
            latencies: latencies.collect(),
            drills: evidence.exchanges.iter().filter_map(|(_, exchange)| phases(exchange)).collect(),
            ..self
        }
    }

    /// The command that reproduces a finding.
    pub fn again(&self, finding: &Finding) -> Option<String> {
        if finding.check.needs == Needs::Drill {
            let profile = self.declaration.named();
            return Some(format!("verify drill --profile {profile} --only {}", finding.check.id));
        }
        finding.request.as_ref().map(|request| command(request, &self.target))
    }

    pub fn outcome(&self) -> Outcome {
        let any = |status| self.findings.iter().any(|finding| finding.status == status);
        if self.count(Status::Fail) > self.tolerated() {
            Outcome::Fail
        } else if any(Status::Inconclusive) || !(any(Status::Pass) || any(Status::Fail)) {
            // A run without an applicable check has proved nothing.
            Outcome::Inconclusive
        } else if !self.snapshots.drifted.is_empty() || !self.snapshots.unseen.is_empty() {
            Outcome::Drift
        } else {
            Outcome::Pass
        }
    }

    pub fn count(&self, status: Status) -> usize {
        self.with(status).count()
    }

    pub fn with(&self, status: Status) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.status == status)
    }

    /// The number of failures below `--fail-on`.
    pub fn tolerated(&self) -> usize {
        self.with(Status::Fail).filter(|finding| !self.counts(finding)).count()
    }

    /// Whether this failure is severe enough to fail the run.
    pub fn counts(&self, finding: &Finding) -> bool {
        finding.check.severity >= self.fail_on
    }
}

impl Finding {
    /// The promise in the profile's own words: `cors.max_age = "10m"`.
    pub fn expected(&self, declaration: &Declaration) -> String {
        let span = declaration.source.span(&self.promise);
        let text = profiles::hide_credentials(&declaration.source.text()[span]);
        let text: Vec<&str> = text.split_whitespace().collect();
        let text: String = text.join(" ").chars().take(120).collect();
        format!("{} = {text}", self.promise)
    }

    /// The bytes of the profile to underline: the promise, or the first line of a long one.
    pub fn underlined(&self, declaration: &Declaration) -> Range<usize> {
        let span = declaration.source.span(&self.promise);
        let end = declaration.source.text()[span.clone()].find(['\r', '\n']);
        span.start..end.map_or(span.end, |newline| span.start + newline)
    }

    /// The column after the underlined text, counted as in [`Location`].
    pub fn end_column(&self, declaration: &Declaration) -> usize {
        let underlined = self.underlined(declaration);
        self.location.column + declaration.source.text()[underlined].chars().count()
    }

    /// Accepts the failure if a waiver that has not expired says so.
    fn waive(&mut self, declaration: &Declaration, today: Date, used: &mut [bool]) {
        if self.status != Status::Fail {
            return;
        }
        let mut waivers = declaration.profile.waivers.iter().zip(used);
        let waiver = waivers
            .find(|(waiver, _)| self.check.is_within(waiver.check.as_str()) && today <= waiver.expires);
        if let Some((waiver, used)) = waiver {
            *used = true;
            self.status = Status::Waived;
            self.waiver = Some((waiver.reason.clone(), waiver.expires));
        }
    }
}

impl Status {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
            Self::NotApplicable => "not_applicable",
            Self::Waived => "waived",
        }
    }
}

impl Outcome {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
            Self::Drift => "drift",
        }
    }
}

fn phases(exchange: &Exchange) -> Option<Vec<String>> {
    match (&exchange.request.means, &exchange.answer) {
        (Means::Drill(steps), Answer::Drilled(drilled)) => Some(drilled.phases(steps)),
        _ => None,
    }
}

fn finding(declaration: &Declaration, judgement: Judgement, today: Date, used: &mut [bool]) -> Finding {
    let Judgement { check, verdict, promise, request, responder, exploit } = judgement;
    let (status, observed) = match verdict {
        Verdict::Pass => (Status::Pass, Vec::new()),
        Verdict::Fail(failures) => {
            (Status::Fail, failures.into_iter().map(|failure| failure.observed).collect())
        }
        Verdict::Inconclusive(why) => (Status::Inconclusive, vec![why]),
        Verdict::NotApplicable(why) => (Status::NotApplicable, vec![why]),
    };
    let location = declaration.source.location(&promise);
    let waiver = None;
    let mut finding =
        Finding { check, status, observed, promise, location, request, responder, exploit, waiver };
    finding.waive(declaration, today, used);
    finding
}

/// The verdict of `run.waivers.current`: from the declaration and all other findings, if any could be judged.
fn judge_waivers(declaration: &Declaration, findings: &mut [Finding], used: &[bool], today: Date) {
    let Some(own) = findings.iter().position(|finding| finding.check.id == checks::WAIVERS.id) else {
        return;
    };
    let (before, rest) = findings.split_at_mut(own);
    let Some((own, after)) = rest.split_first_mut() else { return };
    let others = || before.iter().chain(after.iter());
    let judged = others().any(|other| matches!(other.status, Status::Pass | Status::Fail | Status::Waived));
    if own.status != Status::Inconclusive || !judged {
        return;
    }
    let waivers = declaration.profile.waivers.iter().zip(used).enumerate();
    let faults: Vec<(String, String)> = waivers
        .filter_map(|(index, (waiver, used))| {
            let selector = waiver.check.as_str();
            if waiver.expires < today {
                let why = format!(
                    "the waiver of `{selector}` expired on {}; its check counts again",
                    waiver.expires
                );
                return Some((format!("waivers[{index}].expires"), why));
            }
            let why = format!("the waiver of `{selector}` is not needed: its checks do not fail");
            (!used && all_pass(selector, others())).then(|| (format!("waivers[{index}].check"), why))
        })
        .collect();
    let Some((promise, _)) = faults.first() else {
        own.status = Status::Pass;
        own.observed.clear();
        return;
    };
    own.status = Status::Fail;
    own.promise.clone_from(promise);
    own.location = declaration.source.location(promise);
    own.observed = faults.into_iter().map(|(_, why)| why).collect();
    own.waive(declaration, today, &mut vec![false; used.len()]);
}

/// Whether every check that the selector names was judged, as far as it applies, and passed.
fn all_pass<'a>(selector: &str, findings: impl Iterator<Item = &'a Finding>) -> bool {
    let statuses: BTreeMap<&str, Status> =
        findings.map(|finding| (finding.check.id, finding.status)).collect();
    let mut named = checks::all()
        .filter(|check| check.is_within(selector) && check.id != checks::WAIVERS.id)
        .map(|check| statuses.get(check.id))
        .filter(|status| *status != Some(&Status::NotApplicable))
        .peekable();
    named.peek().is_some() && named.all(|status| status == Some(&Status::Pass))
}
