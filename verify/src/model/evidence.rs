//! Everything that a run saw, and what it was asked to look at.

use serde::{Deserialize, Serialize};

use super::check::{Needs, is_within};
use super::exchange::Exchange;
use super::probe::Probe;

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
    pub allows: Needs,
    pub duration_ms: u64,
    /// How many requests were sent; fewer than exchanges when the target could not be reached.
    pub requests: u64,
    pub exchanges: Vec<(Probe, Exchange)>,
}

impl Evidence {
    pub const SCHEMA: &str = "plumbline-evidence/2";

    pub fn find(&self, probe: &Probe) -> Option<&Exchange> {
        self.exchanges.iter().find(|(known, _)| known == probe).map(|(_, exchange)| exchange)
    }
}

/// Which checks to run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Ids or families; empty means all.
    pub only: Vec<String>,
    pub skip: Vec<String>,
}

impl Selection {
    pub fn is_everything(&self) -> bool {
        self.only.is_empty() && self.skip.is_empty()
    }

    /// Whether this very check was asked for.
    pub(crate) fn names(&self, id: &str) -> bool {
        self.only.iter().any(|only| only == id)
    }

    pub(crate) fn selects(&self, id: &str) -> bool {
        let within = |selectors: &[String]| selectors.iter().any(|selector| is_within(id, selector));
        (self.only.is_empty() || within(&self.only)) && !within(&self.skip)
    }
}
