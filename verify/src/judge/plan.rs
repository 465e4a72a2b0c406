//! The probes of a run, and the checks that read their answers: known before the first byte is sent.

use profiles::Family;

use crate::checks;
use crate::model::check::{Ask, Check, FAMILIES, Needs, Subject};
use crate::model::evidence::Selection;
use crate::model::probe::Probe;

pub struct Plan<'a> {
    pub subject: Subject<'a>,
    pub checks: Vec<Planned>,
    /// Each once, in the order of sending. The first is the health path, which shows whether the target answers;
    /// the second is the control, which shows whether the service itself answers.
    pub probes: Vec<Probe>,
    pub selection: Selection,
}

pub struct Planned {
    pub check: &'static Check,
    pub questions: Questions,
}

/// The answers that one check reads.
pub enum Questions {
    /// Indices into [`Plan::probes`], each with the promise it tests.
    Probes(Vec<(usize, String)>),
    Everything {
        promise: String,
    },
    /// Why the check does not apply.
    Skipped(String),
}

#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    #[error("`{selector}` is neither a check nor a family{}; `verify list` shows all", suggestion(selector))]
    UnknownSelector { selector: String },
    #[error("the selection leaves no check; see `verify list`")]
    Empty,
    #[error(
        "the plan needs {needed} requests, but the profile allows verify.requests = {allowed}; raise it, or select fewer checks with --only"
    )]
    TooManyRequests { needed: u64, allowed: u32 },
}

impl<'a> Plan<'a> {
    pub fn of(subject: Subject<'a>, selection: &Selection) -> Result<Self, PlanError> {
        for selector in selection.only.iter().chain(&selection.skip) {
            if !checks::all().any(|check| check.is_within(selector)) {
                return Err(PlanError::UnknownSelector { selector: selector.clone() });
            }
        }
        let mut plan = Self { subject, checks: Vec::new(), probes: Vec::new(), selection: selection.clone() };
        plan.add_probe(Probe::get(plan.subject.health()));
        plan.add_probe(Probe::get(Subject::unknown_path()));
        // A live run and a drill have no check in common. A check that is named in the wrong one is skipped with a reason.
        let drilling = plan.subject.allows == Needs::Drill;
        let own = |check: &Check| (check.needs == Needs::Drill) == drilling || selection.names(check.id);
        for check in checks::all().filter(|check| selection.selects(check.id) && own(check)) {
            let questions = plan.questions(check);
            plan.checks.push(Planned { check, questions });
        }
        if plan.checks.is_empty() {
            return Err(PlanError::Empty);
        }
        let allowed = plan.subject.profile().verify.requests;
        if plan.requests() > u64::from(allowed) {
            return Err(PlanError::TooManyRequests { needed: plan.requests(), allowed });
        }
        Ok(plan)
    }

    fn questions(&mut self, check: &Check) -> Questions {
        if !self.applies(check.family()) {
            let family = check.id.split('.').next().unwrap_or_default();
            return Questions::Skipped(format!("the profile's verify.families leaves `{family}` out"));
        }
        if let Some(option) = check.needs.option().filter(|_| check.needs > self.subject.allows) {
            let launched = if check.needs == Needs::Intrusive { ", or --launch" } else { "" };
            return Questions::Skipped(format!("needs {option}{launched}"));
        }
        match (check.ask)(&self.subject) {
            Ask::Skip(why) => Questions::Skipped(why),
            Ask::Everything { promise, also } => {
                for probe in also {
                    self.add_probe(probe);
                }
                Questions::Everything { promise }
            }
            Ask::Questions(questions) => Questions::Probes(
                questions
                    .into_iter()
                    .map(|question| (self.add_probe(question.probe), question.promise))
                    .collect(),
            ),
        }
    }

    /// The number of requests to the target.
    pub fn requests(&self) -> u64 {
        self.probes.iter().map(|probe| u64::from(probe.request.means.requests())).sum()
    }

    fn applies(&self, family: Family) -> bool {
        self.subject.profile().verify.families.contains(&family)
    }

    fn add_probe(&mut self, probe: Probe) -> usize {
        if let Some(index) = self.probes.iter().position(|known| *known == probe) {
            return index;
        }
        self.probes.push(probe);
        self.probes.len() - 1
    }
}

/// The nearest id or family, as the end of a sentence.
fn suggestion(selector: &str) -> String {
    let known = checks::all().map(|check| check.id).chain(FAMILIES.iter().map(|(name, _)| *name));
    let nearest = known.map(|id| (strsim::jaro_winkler(id, selector), id)).max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((similarity, id)) if similarity > 0.8 => format!("; did you mean `{id}`?"),
        _ => String::new(),
    }
}
