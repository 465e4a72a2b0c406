//! What is done to a release candidate, step by step, and what was seen: drills as data.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::exchange::{Request, Response};
use super::missing::Missing;

/// One thing that is done, or waited for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Starts another candidate, with this change; goes on when it answers, has ended, or had its time.
    Start(Change),
    /// What the database does from here on, until the drill ends.
    Fault(Fault),
    /// Closes every live connection to the database, as its suspension would.
    Cut,
    /// Forgets what was counted so far.
    Mark,
    /// Sends the request so many times at once, and waits for the answers.
    Ask(Request, u32),
    /// The same without waiting; [`Step::Gather`] has the answers.
    Begin(Request, u32),
    Gather,
    /// Opens a connection, writes this, and holds it to the drill's end. `{host}` stands for the candidate.
    Hold(String),
    /// Opens a connection to the candidate's port at this address, and asks for what needs no database.
    Reach(String),
    Pause(u64),
    Signal(Signal),
    /// Asks the health path until it answers 200, at most so many milliseconds.
    Recover(u64),
    /// Waits for the candidate's end, at most so many milliseconds.
    End(u64),
}

/// How a candidate's environment differs from a sound one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    Nothing,
    /// The variable is missing.
    Without(String),
    Empty(String),
    /// What a template has in its place: `changeme`.
    Placeholder(String),
    /// The database's URL asks for a verified certificate.
    VerifiedDatabase,
}

/// What the database, or the network before it, does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Nobody listens.
    Refuse,
    /// Connections are accepted, and nothing is ever answered.
    BlackHole,
    /// Every answer comes so many milliseconds later.
    Latency(u64),
    /// Live connections are reset; new ones work.
    Reset,
    /// The database closes its side of live connections and goes on reading; new ones work.
    HalfClose,
    /// Live connections are never answered again, as by a firewall that forgot them; new ones work.
    Freeze,
    /// Passwords are refused.
    AuthError,
    /// Connections are fine, every query fails.
    QueryError,
    /// It shows a certificate that nobody signed.
    SelfSigned,
    /// It shows a certificate of another host.
    WrongHost,
    /// It has no TLS.
    Plaintext,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    Terminate,
    Interrupt,
}

/// What a drill showed, with the steady state before and after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drilled {
    pub before: Steady,
    /// One for each step.
    pub steps: Vec<StepResult>,
    pub after: Steady,
}

/// Whether the candidate was well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Steady {
    /// Healthy after so many milliseconds.
    Healthy(u64),
    /// Why not, although it was given this long.
    Not { why: Missing, within_ms: u64 },
    /// The drill has a candidate of its own, or has ended it.
    Unasked,
}

/// What one step showed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepResult {
    pub took_ms: u64,
    pub answers: Vec<TimedReply>,
    /// What the proxy before the database has counted since the last mark.
    pub counts: Counts,
    pub ended: Option<Ended>,
    /// Whether the held connection had been closed by the other side at the drill's end.
    pub closed: bool,
    /// What the candidate has written since the step before, without the values of secrets.
    pub log: Vec<String>,
    /// Secrets whose values were seen, each with where.
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
    /// Sessions that went on after a certificate that proves nothing, or without one that was asked for.
    pub trusting: u64,
}

/// How a candidate ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Its exit code, unless a signal ended it.
    pub code: Option<i32>,
    pub after_ms: u64,
}

impl Fault {
    /// Whether the database can be reached by whoever opens another connection.
    pub const fn spares_new_connections(self) -> bool {
        matches!(self, Self::Reset | Self::HalfClose | Self::Freeze)
    }
}

impl Drilled {
    /// A line per phase, for a person.
    pub fn phases(&self, steps: &[Step]) -> Vec<String> {
        let mut lines = vec![format!("before   {}", self.before)];
        for (step, seen) in steps.iter().zip(&self.steps) {
            lines.push(format!("{step}{}", seen.summary()));
        }
        lines.push(format!("after    {}", self.after));
        lines
    }
}

impl Drilled {
    /// What a reviewer reads: what was done, and what it came to, without anything that two honest runs differ in.
    pub fn behaviour(&self, steps: &[Step]) -> Vec<String> {
        let mut spared = false;
        let mut lines = Vec::new();
        for (step, seen) in steps.iter().zip(&self.steps) {
            if let Step::Fault(fault) = step {
                spared = fault.spares_new_connections();
            }
            let came_to = match step {
                Step::Mark | Step::Pause(_) | Step::Hold(_) | Step::Begin(..) => continue,
                Step::Ask(..) | Step::Gather if spared => vec!["answered".to_owned()],
                Step::Ask(..) | Step::Gather | Step::Reach(_) | Step::Recover(_) => seen.kinds(),
                Step::Start(_) | Step::End(_) => seen.ended.iter().map(Ended::to_string).collect(),
                Step::Fault(_) | Step::Cut | Step::Signal(_) => Vec::new(),
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

    /// What is worth a word in a phase's line.
    fn summary(&self) -> String {
        let mut words = Vec::new();
        let statuses: Vec<String> = self.statuses();
        words.extend(statuses);
        if let Some(ended) = &self.ended {
            words.push(format!("{ended} after {} ms", ended.after_ms));
        }
        if words.is_empty() { String::new() } else { format!(": {}", words.join(", ")) }
    }

    /// Each kind of answer with its number and the slowest of its times.
    fn statuses(&self) -> Vec<String> {
        let mut kinds: Vec<(String, usize, u64)> = Vec::new();
        for reply in &self.answers {
            let kind = match &reply.answer {
                Ok(response) => response.status.to_string(),
                Err(why) => why.to_string(),
            };
            match kinds.iter_mut().find(|(known, ..)| *known == kind) {
                Some((_, times, slowest)) => {
                    *times += 1;
                    *slowest = reply.after_ms.max(*slowest);
                }
                None => kinds.push((kind, 1, reply.after_ms)),
            }
        }
        kinds
            .into_iter()
            .map(|(kind, times, slowest)| match times {
                1 => format!("{kind} in {slowest} ms"),
                _ => format!("{kind} x{times} in at most {slowest} ms"),
            })
            .collect()
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(change) => write!(f, "start    {change}"),
            Self::Fault(fault) => write!(f, "fault    {fault}"),
            Self::Cut => f.write_str("fault    every connection to the database is closed"),
            Self::Mark => f.write_str("count    from here"),
            Self::Ask(request, 1) => write!(f, "ask      {request}"),
            Self::Ask(request, times) => write!(f, "ask      {request} x{times}"),
            Self::Begin(request, times) => write!(f, "begin    {request} x{times}"),
            Self::Gather => f.write_str("gather   the answers"),
            Self::Hold(_) => f.write_str("hold     a connection"),
            Self::Reach(address) => write!(f, "reach    {address}"),
            Self::Pause(ms) => write!(f, "pause    {ms} ms"),
            Self::Signal(Signal::Terminate) => f.write_str("signal   SIGTERM"),
            Self::Signal(Signal::Interrupt) => f.write_str("signal   SIGINT"),
            Self::Recover(ms) => write!(f, "repair   healthy again within {ms} ms"),
            Self::End(ms) => write!(f, "end      within {ms} ms"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("a candidate of its own"),
            Self::Without(variable) => write!(f, "without {variable}"),
            Self::Empty(variable) => write!(f, "with an empty {variable}"),
            Self::Placeholder(variable) => write!(f, "with `changeme` as {variable}"),
            Self::VerifiedDatabase => f.write_str("with sslmode=verify-full in the database's URL"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refuse => f.write_str("the database refuses connections"),
            Self::BlackHole => f.write_str("the database accepts connections and never answers"),
            Self::Latency(ms) => write!(f, "the database answers {ms} ms later"),
            Self::Reset => f.write_str("the database resets every connection"),
            Self::HalfClose => f.write_str("the database closes its side of every connection"),
            Self::Freeze => f.write_str("the network forgets every connection"),
            Self::AuthError => f.write_str("the database refuses the password"),
            Self::QueryError => f.write_str("the database fails every query"),
            Self::SelfSigned => f.write_str("the database shows a certificate that nobody signed"),
            Self::WrongHost => f.write_str("the database shows a certificate of another host"),
            Self::Plaintext => f.write_str("the database has no TLS"),
        }
    }
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
