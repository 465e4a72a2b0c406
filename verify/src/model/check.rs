//! A check: a question to a deployment, and a reading of the answer. It performs no I/O.

use profiles::{Declaration, Family, Origin, Profile};
use serde::{Deserialize, Serialize};

use crate::model::exchange::{Exchange, Response};
use crate::model::probe::Probe;

/// A check describes itself; help, `explain` and CHECKS.md come from here, and its examples are its unit tests.
pub struct Check {
    /// Dotted, such as `cors.reject.null`; addressable at any depth.
    pub id: &'static str,
    pub severity: Severity,
    pub needs: Needs,
    /// The promise, in one sentence.
    pub rule: &'static str,
    /// Why it matters.
    pub rationale: &'static str,
    /// How to fix a backend that breaks it.
    pub remedy: &'static str,
    /// Standards and sources, as URLs.
    pub references: &'static [&'static str],
    /// Requirements of `specs/004-backend-deployment/spec.md`, and of ASVS as `checks::asvs` lists them.
    pub requirements: &'static [&'static str],
    pub ask: fn(&Subject<'_>) -> Ask,
    /// Reads the answers, one exchange per question in the order asked.
    pub judge: fn(&Subject<'_>, &[Exchange]) -> Verdict,
    /// Answers that keep the rule and answers that break it; see `checks::example` for their form.
    pub passes: &'static [&'static str],
    pub fails: &'static [&'static str],
}

/// The severity of a broken rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Severity {
    Low,
    Medium,
    High,
}

/// The permission that a check needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Needs {
    /// Harmless requests as any client sends them.
    Nothing,
    /// Raw frames, bursts or held connections: bounded, but not allowed against another's service without permission.
    Intrusive,
    /// A release candidate that `verify drill` starts and breaks.
    Drill,
}

/// The data that a check may use before the first byte is sent.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    pub declaration: &'a Declaration,
    pub target: Origin,
    /// Origins that only other profiles allow, each with the profile's name.
    pub foreign: Vec<(String, Origin)>,
    pub expected_release: Option<String>,
    /// The highest permission of the run.
    pub allows: Needs,
}

/// The questions of a check.
#[derive(Clone, Debug)]
pub enum Ask {
    Questions(Vec<Question>),
    /// The check reads every exchange of the run, for one promise, and sends these probes too.
    Everything {
        promise: String,
        also: Vec<Probe>,
    },
    /// The check does not apply, and why.
    Skip(String),
}

/// A probe, and the setting of the profile whose promise it tests.
#[derive(Clone, Debug)]
pub struct Question {
    pub probe: Probe,
    /// Such as `cors.origins[1]`.
    pub promise: String,
}

/// The verdict on all answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    /// At least one.
    Fail(Vec<Failure>),
    Inconclusive(String),
    NotApplicable(String),
}

/// One broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The index of the check's question that shows it.
    pub question: usize,
    /// The observation, then the declaration.
    pub observed: String,
}

/// The judgement of one answer.
pub enum Reading {
    Holds,
    /// The observation.
    Broken(String),
    /// Why the answer cannot be judged.
    Unknown(String),
}

impl Check {
    /// The first part of the id.
    pub fn family(&self) -> Family {
        let first = self.id.split('.').next().unwrap_or_default();
        FAMILIES
            .iter()
            .find(|(name, _)| *name == first)
            .map(|(_, family)| *family)
            .expect("every check belongs to a family: asserted in tests/catalogue.rs")
    }

    /// Whether a selector names this check or a family around it: `cors`, `cors.reject`, `cors.reject.null`.
    pub fn is_within(&self, selector: &str) -> bool {
        is_within(self.id, selector)
    }
}

/// Families by the first part of a check's id.
pub const FAMILIES: &[(&str, Family)] = &[
    ("run", Family::Run),
    ("cors", Family::Cors),
    ("health", Family::Health),
    ("exposure", Family::Exposure),
    ("errors", Family::Errors),
    ("method", Family::Method),
    ("http1", Family::Http1),
    ("http2", Family::Http2),
    ("tls", Family::Tls),
    ("headers", Family::Headers),
    ("load", Family::Load),
    ("drill", Family::Drill),
];

pub fn is_within(id: &str, selector: &str) -> bool {
    id.strip_prefix(selector).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

impl Needs {
    /// The option that gives it, if it is not given to every run.
    pub const fn option(self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Intrusive => Some("--intrusive"),
            Self::Drill => Some("`verify drill`"),
        }
    }
}

impl Severity {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl Subject<'_> {
    pub fn profile(&self) -> &Profile {
        &self.declaration.profile
    }

    pub fn health(&self) -> &str {
        self.profile().health.path.as_str()
    }

    /// A path that no service has: the control for everything that must not exist.
    pub const fn unknown_path() -> &'static str {
        "/plumbline-control-7f3a9c"
    }

    /// The place in the profile that promises the family's checks.
    pub fn family(&self, family: Family) -> String {
        let index = self.profile().verify.families.iter().position(|declared| *declared == family);
        index.map_or_else(|| "verify.families".to_owned(), |index| format!("verify.families[{index}]"))
    }

    /// The first declared origin, if any.
    pub fn declared_origin(&self) -> Option<&Origin> {
        self.profile().cors.origins.first()
    }

    pub fn declares(&self, origin: &str) -> bool {
        self.profile().cors.origins.iter().any(|declared| declared.as_str() == origin)
    }

    /// Each declared origin with its place in the profile.
    pub fn declared_origins(&self) -> impl Iterator<Item = (String, &Origin)> {
        self.profile()
            .cors
            .origins
            .iter()
            .enumerate()
            .map(|(index, origin)| (format!("cors.origins[{index}]"), origin))
    }
}

impl Ask {
    pub fn skip(why: impl Into<String>) -> Self {
        Self::Skip(why.into())
    }

    pub fn one(probe: Probe, promise: &str) -> Self {
        Self::Questions(vec![Question::new(probe, promise)])
    }

    /// Every question, or the reason why there is none.
    pub fn all(questions: impl IntoIterator<Item = Question>, else_skip: &str) -> Self {
        let questions: Vec<Question> = questions.into_iter().collect();
        if questions.is_empty() { Self::skip(else_skip) } else { Self::Questions(questions) }
    }
}

impl Question {
    pub fn new(probe: Probe, promise: impl Into<String>) -> Self {
        Self { probe, promise: promise.into() }
    }
}

impl Verdict {
    pub fn fail(question: usize, observed: impl Into<String>) -> Self {
        Self::Fail(vec![Failure { question, observed: observed.into() }])
    }

    /// Reads each answer by itself: one broken answer fails the check, and without one an unknown answer
    /// leaves it inconclusive. An answer that tells of several promises has a reading for each, and each broken
    /// one is reported.
    pub fn of_each<R>(exchanges: &[Exchange], read: impl Fn(&Exchange, &Response) -> R) -> Self
    where
        R: IntoIterator<Item = Reading>,
    {
        Self::of_answers(exchanges, |exchange| match judgeable(exchange) {
            Ok(response) => read(exchange, response).into_iter().collect(),
            Err(why) => vec![Reading::Unknown(why)],
        })
    }

    /// The same for requests that a service may refuse by closing the connection.
    pub fn of_each_answered<R>(exchanges: &[Exchange], read: impl Fn(&Exchange, &Response) -> R) -> Self
    where
        R: IntoIterator<Item = Reading>,
    {
        Self::of_answers(exchanges, |exchange| match judgeable(exchange) {
            _ if exchange.is_hung_up() => Vec::new(),
            Ok(response) => read(exchange, response).into_iter().collect(),
            Err(why) => vec![Reading::Unknown(why)],
        })
    }

    /// The same for answers other than one response.
    pub fn of_answers<R>(exchanges: &[Exchange], read: impl Fn(&Exchange) -> R) -> Self
    where
        R: IntoIterator<Item = Reading>,
    {
        let mut failures = Vec::new();
        let mut unknown = None;
        let readings = exchanges.iter().enumerate().flat_map(|(question, exchange)| {
            read(exchange).into_iter().map(move |reading| (question, reading))
        });
        for (question, reading) in readings {
            match reading {
                Reading::Holds => {}
                Reading::Broken(observed) => failures.push(Failure { question, observed }),
                Reading::Unknown(why) => unknown = unknown.or(Some(why)),
            }
        }
        match unknown {
            _ if !failures.is_empty() => Self::Fail(failures),
            Some(why) => Self::Inconclusive(why),
            None => Self::Pass,
        }
    }
}

/// One reading, where an answer tells of one promise.
impl IntoIterator for Reading {
    type Item = Self;
    type IntoIter = std::iter::Once<Self>;

    fn into_iter(self) -> Self::IntoIter {
        std::iter::once(self)
    }
}

impl Reading {
    /// Holds, or is broken as described.
    pub fn expect(holds: bool, observed: impl FnOnce() -> String) -> Self {
        if holds { Self::Holds } else { Self::Broken(observed()) }
    }
}

/// The answer, unless it proves nothing about the deployment: it is missing, or from a rate limiter.
pub fn judgeable(exchange: &Exchange) -> Result<&Response, String> {
    let request = &exchange.request;
    let response =
        exchange.response().map_err(|why| format!("{} {}: {why}", request.method, request.path))?;
    if response.status == 429 {
        return Err(format!(
            "{} {} was rate limited (429); lower verify.requests_per_second",
            request.method, request.path
        ));
    }
    Ok(response)
}
