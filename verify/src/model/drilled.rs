//! The result of each step of a drill.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::drill::{Action, Step};
use super::exchange::Response;
use super::missing::Missing;

/// The results of a drill, with the steady state before and after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drilled {
    pub before: Steady,
    /// One for each step, in order; private, so that checks read a result by its step's name.
    steps: Vec<StepResult>,
    pub after: Steady,
}

/// Whether the candidate was healthy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Steady {
    /// Healthy after this many milliseconds.
    Healthy(u64),
    /// Not healthy within this time, and why.
    Not { why: Missing, within_ms: u64 },
    /// The drill has a candidate of its own, or has ended it.
    Unasked,
}

/// The result of one step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepResult {
    pub took_ms: u64,
    pub answers: Vec<TimedReply>,
    /// The counts of the proxy in front of the database since the last mark.
    pub counts: Counts,
    pub ended: Option<Ended>,
    /// Whether the held connection had been closed by the other side at the drill's end.
    pub closed: bool,
    /// The candidate's output since the previous step, without the values of secrets.
    pub log: Vec<String>,
    /// Secrets whose values were seen, each with its place.
    pub leaks: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimedReply {
    pub after_ms: u64,
    /// The answer, or why there is none.
    pub answer: Result<Response, Missing>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub open: u32,
    pub most_open: u32,
    pub queries: u64,
    pub named_statements: u64,
    /// Sessions that continued after an unverifiable certificate, or without a required one.
    pub trusting: u64,
}

/// How a candidate ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Its exit code, unless a signal ended it.
    pub code: Option<i32>,
    pub after_ms: u64,
}

impl Drilled {
    /// `steps` has one result for each step that was taken, in order.
    pub const fn new(before: Steady, steps: Vec<StepResult>, after: Steady) -> Self {
        Self { before, steps, after }
    }

    /// The result of the step with this name.
    pub fn result(&self, steps: &[Step], name: &str) -> Option<&StepResult> {
        self.steps.get(steps.iter().position(|step| step.is_named(name))?)
    }

    /// Secrets whose values were seen in any step, each with its place.
    pub fn leaks(&self) -> impl Iterator<Item = &(String, String)> {
        self.steps.iter().flat_map(|result| &result.leaks)
    }

    /// The number of expected answers.
    pub fn asked(&self) -> u64 {
        self.steps.iter().map(|result| result.answers.len() as u64).sum()
    }

    /// Every answer of every step, for tests that change them.
    pub fn answers_mut(&mut self) -> impl Iterator<Item = &mut TimedReply> {
        self.steps.iter_mut().flat_map(|result| &mut result.answers)
    }

    /// A line per phase, for a person.
    pub fn phases(&self, steps: &[Step]) -> Vec<String> {
        let mut lines = vec![format!("before   {}", self.before)];
        for (step, seen) in steps.iter().zip(&self.steps) {
            lines.push(format!("{step}{}", seen.summary()));
        }
        lines.push(format!("after    {}", self.after));
        lines
    }

    /// The steps and results for a reviewer, without values that differ between two runs of the same service.
    pub fn behaviour(&self, steps: &[Step]) -> Vec<String> {
        let mut spared = false;
        let mut lines = Vec::new();
        for (step, seen) in steps.iter().zip(&self.steps) {
            if let Action::Fault(fault) = &step.action {
                spared = fault.spares_new_connections();
            }
            let came_to = match &step.action {
                Action::Mark | Action::Pause(_) | Action::Hold(_) | Action::Begin(..) => continue,
                Action::Ask(..) | Action::Gather if spared => vec!["answered".to_owned()],
                Action::Ask(..) | Action::Gather | Action::Reach(_) | Action::Recover(_) => seen.kinds(),
                Action::Start(_) | Action::End(_) => seen.ended.iter().map(Ended::to_string).collect(),
                Action::Fault(_) | Action::Cut | Action::Signal(_) => Vec::new(),
            };
            lines.push(match came_to.as_slice() {
                [] => step.to_string(),
                kinds => format!("{step}: {}", kinds.join(", ")),
            });
        }
        lines
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "ended with {code}"),
            None => f.write_str("ended by a signal"),
        }
    }
}

impl StepResult {
    /// The first of its answers.
    pub fn answer(&self) -> Option<&TimedReply> {
        self.answers.first()
    }

    /// Each kind of answer once.
    fn kinds(&self) -> Vec<String> {
        let kind = |reply: &TimedReply| match &reply.answer {
            Ok(response) => response.status.to_string(),
            Err(Missing::Refused { .. }) => "refused".to_owned(),
            Err(_) => "no answer".to_owned(),
        };
        let kinds: BTreeSet<String> = self.answers.iter().map(kind).collect();
        kinds.into_iter().collect()
    }

    /// The notable results, for a phase's line.
    fn summary(&self) -> String {
        let mut words = Vec::new();
        if !self.answers.is_empty() {
            words.push(summary(&self.answers));
        }
        if let Some(ended) = &self.ended {
            words.push(format!("{ended} after {} ms", ended.after_ms));
        }
        if words.is_empty() { String::new() } else { format!(": {}", words.join(", ")) }
    }
}

/// Each kind of answer with its number and the slowest of its times: `503 x7 in at most 12 ms, 500 in 3 ms`.
pub fn summary<'a>(answers: impl IntoIterator<Item = &'a TimedReply>) -> String {
    let mut kinds: Vec<(String, usize, u64)> = Vec::new();
    for reply in answers {
        let kind = match &reply.answer {
            Ok(response) => response.status.to_string(),
            Err(why) => format!("no answer ({why})"),
        };
        match kinds.iter_mut().find(|(known, ..)| *known == kind) {
            Some((_, times, slowest)) => {
                *times += 1;
                *slowest = reply.after_ms.max(*slowest);
            }
            None => kinds.push((kind, 1, reply.after_ms)),
        }
    }
    let words = kinds.into_iter().map(|(kind, times, slowest)| match times {
        1 => format!("{kind} in {slowest} ms"),
        _ => format!("{kind} x{times} in at most {slowest} ms"),
    });
    words.collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Steady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Healthy(ms) => write!(f, "healthy within {ms} ms"),
            Self::Not { why, within_ms } => {
                write!(f, "not healthy: {why}; it was given {:?}", Duration::from_millis(*within_ms))
            }
            Self::Unasked => f.write_str("not asked: the drill's candidate has ended"),
        }
    }
}
