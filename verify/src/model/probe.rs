//! One request of a plan, known before the run begins.

use serde::{Deserialize, Serialize};

use crate::model::exchange::{Ends, Means, Piece, Raw, Request};

/// A request to send. Equal probes are sent once, and every check that asks for them reads the same answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Probe {
    /// Probes of a later round are sent after every probe of an earlier one has been answered.
    pub round: u8,
    pub request: Request,
}

impl Probe {
    pub fn new(method: &str, path: &str) -> Self {
        Self { round: 0, request: Request::new(method, path) }
    }

    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// A CORS preflight as a browser sends it (Fetch, #cors-preflight-fetch): names in lower case, sorted.
    pub fn preflight(path: &str, origin: &str, method: &str, headers: &[&str]) -> Self {
        let probe = Self::new("OPTIONS", path).origin(origin).with("access-control-request-method", method);
        if headers.is_empty() {
            return probe;
        }
        let mut names: Vec<String> = headers.iter().map(|name| name.to_ascii_lowercase()).collect();
        names.sort();
        names.dedup();
        probe.with("access-control-request-headers", names.join(","))
    }

    #[must_use]
    pub fn origin(self, origin: &str) -> Self {
        self.with("origin", origin)
    }

    #[must_use]
    pub fn with(self, name: &str, value: impl Into<String>) -> Self {
        Self { request: self.request.with(name, value), ..self }
    }

    #[must_use]
    pub fn by(self, means: Means) -> Self {
        Self { request: Request { means, ..self.request }, ..self }
    }

    /// The same byte for byte, on a connection of its own: client libraries normalise or refuse it.
    /// A `host` among the headers stands in the place of the target's.
    #[must_use]
    pub fn verbatim(self, patience: profiles::Duration) -> Self {
        let Request { method, path, headers, .. } = &self.request;
        let host = self.request.header("host").unwrap_or("{host}");
        let others = headers.iter().filter(|(name, _)| name != "host");
        let lines: Vec<String> = others.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let lines = lines.concat();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: plumbline-verify\r\n{lines}connection: close\r\n\r\n"
        );
        let raw = Raw {
            what: String::new(),
            pieces: vec![Piece::Text(head)],
            ends: Ends::WhenAnswered,
            patience_ms: patience.millis(),
        };
        self.by(Means::Raw(raw))
    }

    #[must_use]
    pub fn in_round(self, round: u8) -> Self {
        Self { round, ..self }
    }
}
