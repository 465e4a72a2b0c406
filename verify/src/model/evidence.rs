//! The evidence of a run, and the selection that it was made for.

use serde::{Deserialize, Serialize};

use super::check::{Needs, is_within};
use super::exchange::Exchange;
use super::probe::Probe;

/// The evidence of a run: every probe with its exchange, and their target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The format of a recording: [`Evidence::SCHEMA`].
    pub schema: String,
    /// As `--profile` named it.
    pub profile: String,
    pub target: String,
    /// The selection: judging again needs the same questions.
    pub expected_release: Option<String>,
    pub selection: Selection,
    pub allows: Needs,
    pub duration_ms: u64,
    /// The number of requests sent; fewer than exchanges if the target could not be reached.
    pub requests: u64,
    pub exchanges: Vec<(Probe, Exchange)>,
}

impl Evidence {
    pub const SCHEMA: &str = "plumbline-evidence/2";

    pub fn find(&self, probe: &Probe) -> Option<&Exchange> {
        self.exchanges.iter().find(|(known, _)| known == probe).map(|(_, exchange)| exchange)
    }
}

/// The checks to run.
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

    /// Whether this check is named itself.
    pub(crate) fn names(&self, id: &str) -> bool {
        self.only.iter().any(|only| only == id)
    }

    pub(crate) fn selects(&self, id: &str) -> bool {
        let within = |selectors: &[String]| selectors.iter().any(|selector| is_within(id, selector));
        (self.only.is_empty() || within(&self.only)) && !within(&self.skip)
    }
}
