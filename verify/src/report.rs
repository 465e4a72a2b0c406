//! The report: verdicts with waivers applied, and the one outcome that they add up to.

use jiff::civil::Date;
use profiles::{Declaration, Location};

use crate::check::{Check, Verdict, is_within};
use crate::exchange::Request;
use crate::judge::Judgement;
use crate::observed::Snapshots;

pub struct Report<'a> {
    pub declaration: &'a Declaration,
    pub target: String,
    pub duration_ms: u64,
    pub requests: u64,
    /// Why nothing could be judged.
    pub obstacle: Option<String>,
    /// Every planned check, whatever its status.
    pub findings: Vec<Finding>,
    pub snapshots: Snapshots,
    /// Waivers that have expired or that nothing needed, and what else someone should know.
    pub warnings: Vec<String>,
}

pub struct Finding {
    pub check: &'static Check,
    pub status: Status,
    /// What was seen, one entry a broken answer; or why the check is inconclusive or does not apply.
    pub observed: Vec<String>,
    /// Such as `cors.origins[1]`.
    pub promise: String,
    pub location: Location,
    pub request: Option<Request>,
    /// Why the failure is accepted, and until when.
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

/// What the run proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Every promise was kept.
    Pass,
    /// A promise is broken.
    Fail,
    /// No promise is known to be broken, but not all could be judged.
    Inconclusive,
    /// Only observed behaviour differs from what was reviewed.
    Drift,
}

impl<'a> Report<'a> {
    pub fn new(declaration: &'a Declaration, judgements: Vec<Judgement>, today: Date) -> Self {
        let mut used = vec![false; declaration.profile.waivers.len()];
        let findings: Vec<Finding> = judgements
            .into_iter()
            .map(|judgement| finding(declaration, judgement, today, &mut used))
            .collect();
        let warnings = waiver_warnings(declaration, &findings, &used, today);
        Self {
            declaration,
            target: String::new(),
            duration_ms: 0,
            requests: 0,
            obstacle: None,
            findings,
            snapshots: Snapshots::default(),
            warnings,
        }
    }

    pub fn outcome(&self) -> Outcome {
        let any = |status| self.findings.iter().any(|finding| finding.status == status);
        if any(Status::Fail) {
            Outcome::Fail
        } else if any(Status::Inconclusive) || !any(Status::Pass) {
            // A run in which nothing applied has proved nothing.
            Outcome::Inconclusive
        } else if !self.snapshots.drifted.is_empty() || !self.snapshots.unseen.is_empty() {
            Outcome::Drift
        } else {
            Outcome::Pass
        }
    }

    pub fn count(&self, status: Status) -> usize {
        self.findings.iter().filter(|finding| finding.status == status).count()
    }
}

impl Finding {
    /// What the profile says, as it says it: `cors.max_age = "10m"`.
    pub fn expected(&self, declaration: &Declaration) -> String {
        let span = declaration.source.span(&self.promise);
        let text: Vec<&str> = declaration.source.text()[span].split_whitespace().collect();
        let text: String = text.join(" ").chars().take(120).collect();
        format!("{} = {text}", self.promise)
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

fn finding(declaration: &Declaration, judgement: Judgement, today: Date, used: &mut [bool]) -> Finding {
    let Judgement { check, verdict, promise, request } = judgement;
    let (status, observed) = match verdict {
        Verdict::Pass => (Status::Pass, Vec::new()),
        Verdict::Fail(failures) => {
            (Status::Fail, failures.into_iter().map(|failure| failure.observed).collect())
        }
        Verdict::Inconclusive(why) => (Status::Inconclusive, vec![why]),
        Verdict::NotApplicable(why) => (Status::NotApplicable, vec![why]),
    };
    let location = declaration.source.location(&promise);
    let mut finding = Finding { check, status, observed, promise, location, request, waiver: None };
    if status == Status::Fail {
        let waivers = declaration.profile.waivers.iter().zip(used);
        if let Some((waiver, used)) = waivers
            .into_iter()
            .find(|(waiver, _)| is_within(check.id, waiver.check.as_str()) && today <= waiver.expires)
        {
            *used = true;
            finding.status = Status::Waived;
            finding.waiver = Some((waiver.reason.clone(), waiver.expires));
        }
    }
    finding
}

fn waiver_warnings(
    declaration: &Declaration,
    findings: &[Finding],
    used: &[bool],
    today: Date,
) -> Vec<String> {
    let mut warnings = Vec::new();
    for (index, (waiver, used)) in declaration.profile.waivers.iter().zip(used).enumerate() {
        let location = declaration.source.location(&format!("waivers[{index}].check"));
        let place = format!("{}:{}", location.file, location.line);
        let judged = findings.iter().any(|finding| is_within(finding.check.id, waiver.check.as_str()));
        if waiver.expires < today {
            warnings.push(format!(
                "{place}: the waiver of `{}` expired on {}; the check counts again",
                waiver.check, waiver.expires
            ));
        } else if judged && !used {
            warnings.push(format!("{place}: the waiver of `{}` is not needed; delete it", waiver.check));
        }
    }
    warnings
}
