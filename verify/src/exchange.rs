//! What was sent and what came back: the evidence that every judgement reads.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::plan::Selection;
use crate::probe::Probe;

/// A request as the plan knows it, before a byte is sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub path: String,
    /// In the order in which they are sent; a name may repeat.
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
}

/// One answer. Cookie values and credentials are redacted before it becomes evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    pub status: u16,
    /// Names in lower case, in the order received; each byte of a value is one character.
    pub headers: Vec<(String, String)>,
    /// At most [`Response::LONGEST_BODY`] bytes.
    pub body: String,
}

/// A request, its answer or why there is none, and how long that took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    pub request: Request,
    pub answer: Answer,
    pub elapsed_ms: u64,
    /// When the answer arrived, in milliseconds since 1970-01-01 UTC by our clock.
    pub received_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    Received(Response),
    /// Why no answer arrived, for a person: `no response within 5s`.
    Missing(String),
}

/// Everything that a run saw: every probe with its exchange, and what they were sent to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The format of a recording: [`Evidence::SCHEMA`].
    pub schema: String,
    /// As `--profile` named it.
    pub profile: String,
    pub target: String,
    /// What was asked: judging again needs the same questions.
    pub expected_release: Option<String>,
    pub selection: Selection,
    pub duration_ms: u64,
    /// How many requests were sent; fewer than exchanges when the target could not be reached.
    pub requests: usize,
    pub exchanges: Vec<(Probe, Exchange)>,
}

impl Evidence {
    pub const SCHEMA: &str = "plumbline-evidence/1";

    pub fn find(&self, probe: &Probe) -> Option<&Exchange> {
        self.exchanges.iter().find(|(known, _)| known == probe).map(|(_, exchange)| exchange)
    }
}

impl Request {
    pub fn new(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), headers: Vec::new(), body: None }
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

impl Response {
    /// More than any answer to a probe needs; an endless body is cut here.
    pub const LONGEST_BODY: usize = 64 * 1024;

    /// Every value of a field, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The field's combined value, as Fetch's "get" gives it (#concept-header-list-get).
    pub fn header(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self.all(name).map(str::trim).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// The elements of a field that is a list (RFC 9110 section 5.6.1), in lower case.
    pub fn list(&self, name: &str) -> Vec<String> {
        let combined = self.header(name).unwrap_or_default();
        combined
            .split(',')
            .map(|element| element.trim().to_ascii_lowercase())
            .filter(|element| !element.is_empty())
            .collect()
    }

    /// The media type without parameters, in lower case.
    pub fn media_type(&self) -> Option<String> {
        let value = self.header("content-type")?;
        Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
    }

    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_str(&self.body).ok()
    }
}

impl Exchange {
    /// The answer, or why there is none.
    pub fn response(&self) -> Result<&Response, &str> {
        match &self.answer {
            Answer::Received(response) => Ok(response),
            Answer::Missing(why) => Err(why),
        }
    }
}

impl fmt::Display for Request {
    /// One line, as findings show what was sent: `OPTIONS /health · origin: null`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        for (name, value) in &self.headers {
            write!(f, " · {name}: {value}")?;
        }
        Ok(())
    }
}
