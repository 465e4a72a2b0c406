//! Requests and their answers: the evidence that every judgement reads.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::drill::Step;
use super::drilled::Drilled;
use super::missing::Missing;
use super::redact;
use super::tls::TlsFailure;

/// A request as the plan knows it, before a byte is sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub path: String,
    /// In the order in which they are sent; a name may repeat.
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
    #[serde(default, skip_serializing_if = "Means::is_client")]
    pub means: Means,
}

/// How a request is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Means {
    /// Over HTTP/1.1, as a careful client sends it.
    #[default]
    Client,
    /// The same over HTTP/2, which the TLS handshake must agree on.
    Http2,
    /// The same over HTTP/2, in handwritten frames: with fields that libraries refuse to send.
    Frames,
    /// The same without TLS, to port 80.
    Plain,
    /// The same to the target's addresses of one kind only.
    Address(AddressKind),
    /// The same over this many connections at the same instant.
    Burst(u32),
    /// The same, after the wait that the last 429 requested.
    AfterRetry,
    /// These bytes instead, on a connection of its own: requests that client libraries refuse to send.
    Raw(Raw),
    /// A TLS handshake only.
    Handshake(Offer),
    /// Faults and questions, step by step, to a launched candidate.
    Drill(Vec<Step>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AddressKind {
    IPv4,
    IPv6,
}

/// The bytes to write on a connection, and the wait for its end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Raw {
    /// Their description, for a person: `two Host lines`. Empty if the request line suffices.
    pub what: String,
    pub pieces: Vec<Piece>,
    pub ends: Ends,
    /// The longest wait for the end, after the last piece.
    pub patience_ms: u64,
}

/// When to stop reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ends {
    WhenAnswered,
    /// A second answer may follow the first.
    WhenClosed,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Piece {
    /// Each character is one byte. `{host}` stands for the target's authority.
    Text(String),
    /// The same text many times over.
    Repeat(String, u32),
    /// The same with a pause before each time.
    Trickle { text: String, times: u32, pause_ms: u64 },
}

/// The versions and protocols that a TLS client offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Offer {
    /// TLS 1.0 and nothing newer (RFC 8996 forbids it).
    Tls10,
    /// TLS 1.1 and nothing newer.
    Tls11,
    /// The offer of current browsers: TLS 1.2 and 1.3, `h2` and `http/1.1`.
    Today,
}

/// One answer. Cookie values and credentials are redacted before it becomes evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    pub status: u16,
    /// Names in lower case, in the order received; each byte of a value is one character.
    pub headers: Vec<(String, String)>,
    /// At most [`Response::LONGEST_BODY`] bytes, with gzip decoded; empty if it cannot be decoded.
    pub body: String,
}

/// A request, its answer or why there is none, and its duration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    pub request: Request,
    pub answer: Answer,
    pub elapsed_ms: u64,
    /// The time of the answer, in milliseconds since 1970-01-01 UTC by this machine's clock.
    pub received_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    Received(Response),
    /// The bytes that came back on a raw connection.
    Raw(RawReply),
    /// The result of a TLS handshake.
    Handshake(Handshake),
    /// The answers to a burst.
    Burst(Burst),
    /// The results of a drill.
    Drilled(Drilled),
    /// Why no answer arrived.
    Missing(Missing),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawReply {
    /// In order, without an interim `100 Continue`.
    pub responses: Vec<Response>,
    /// Whether the other side closed the connection before the wait ended.
    pub closed: bool,
    /// The number of bytes that the other side accepted.
    pub taken: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handshake {
    /// Such as `TLS 1.3`; nothing when the handshake was refused.
    pub version: Option<String>,
    /// The negotiated protocol, such as `h2`.
    pub protocol: Option<String>,
    pub certificate: Option<Certificate>,
    /// Why a browser would refuse the certificate, or how the handshake was refused.
    pub refused: Option<TlsFailure>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// In milliseconds since 1970-01-01 UTC.
    pub not_after_ms: i64,
    /// The number of certificates sent, the server's own first.
    pub sent: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Burst {
    /// The number of answers with each status.
    pub statuses: BTreeMap<u16, u32>,
    /// The reasons why connections have no answer, each once.
    pub failures: Vec<Unanswered>,
    /// Measured from the common start, sorted: the wait for a free connection counts.
    pub latencies_ms: Vec<u64>,
    /// `Retry-After` of the first 429.
    pub retry_after: Option<String>,
}

/// Connections of a burst that had no answer for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unanswered {
    pub why: Missing,
    pub connections: u32,
}

impl Request {
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: None,
            means: Means::Client,
        }
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

impl FromStr for Response {
    type Err = NoStatusLine;

    /// In the form of examples and tests: status line, header lines, an empty line, the body.
    fn from_str(text: &str) -> Result<Self, NoStatusLine> {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1))
            .and_then(|status| status.parse().ok())
            .ok_or(NoStatusLine)?;
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Ok(Self { status, headers, body: body.to_owned() })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("a response begins with a status line: `HTTP/1.1 200 OK`")]
pub struct NoStatusLine;

impl Exchange {
    /// The answer, or why there is none.
    pub fn response(&self) -> Result<&Response, Missing> {
        self.answer.response()
    }

    /// Whether the connection was closed without an answer, which is a refusal too.
    pub fn is_hung_up(&self) -> bool {
        matches!(&self.answer, Answer::Raw(reply) if reply.closed && reply.responses.is_empty())
    }
}

impl Raw {
    /// The time for writing and waiting, if the other side accepts all bytes at once.
    pub fn longest(&self) -> Duration {
        let pauses = self.pieces.iter().map(|piece| match piece {
            Piece::Trickle { times, pause_ms, .. } => u64::from(*times).saturating_mul(*pause_ms),
            Piece::Text(_) | Piece::Repeat(..) => 0,
        });
        Duration::from_millis(pauses.sum::<u64>().saturating_add(self.patience_ms))
    }
}

impl Answer {
    /// The answer, or why there is none.
    pub fn response(&self) -> Result<&Response, Missing> {
        match self {
            Self::Received(response) => Ok(response),
            Self::Raw(reply) => reply.responses.first().ok_or(reply.silence()),
            _ => Err(self.missing()),
        }
    }

    /// Why there is no answer of the requested kind.
    pub fn missing(&self) -> Missing {
        match self {
            Self::Missing(why) => why.clone(),
            _ => Missing::OtherKind,
        }
    }
}

impl RawReply {
    /// Why there is no reply, if there is none.
    const fn silence(&self) -> Missing {
        if self.closed { Missing::HungUp } else { Missing::Silent }
    }
}

impl Burst {
    /// Counts one more connection without an answer.
    pub fn fail(&mut self, why: Missing) {
        match self.failures.iter_mut().find(|known| known.why == why) {
            Some(known) => known.connections += 1,
            None => self.failures.push(Unanswered { why, connections: 1 }),
        }
    }

    /// The nearest-rank percentile.
    pub fn percentile(&self, percent: usize) -> Option<u64> {
        let rank = (self.latencies_ms.len() * percent).div_ceil(100);
        self.latencies_ms.get(rank.saturating_sub(1)).copied()
    }
}

impl fmt::Display for Request {
    /// One line, as findings show a request: `OPTIONS /health · origin: null`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        for (name, value) in &self.headers {
            write!(f, " · {name}: {}", redact::shown(&redact::header(name, value)))?;
        }
        self.means.fmt(f)
    }
}

impl Means {
    pub const fn is_client(&self) -> bool {
        matches!(self, Self::Client)
    }

    pub const fn is_drill(&self) -> bool {
        matches!(self, Self::Drill(_))
    }

    pub const fn is_handshake(&self) -> bool {
        matches!(self, Self::Handshake(_))
    }

    /// The number of requests that the target receives.
    pub const fn requests(&self) -> u32 {
        match self {
            Self::Burst(connections) => *connections,
            _ => 1,
        }
    }
}

impl fmt::Display for Means {
    /// The end of a request's line, for unusual means.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client => Ok(()),
            Self::Raw(raw) if raw.what.is_empty() => Ok(()),
            Self::Http2 | Self::Frames => f.write_str(" · over HTTP/2"),
            Self::Plain => f.write_str(" · without TLS, to port 80"),
            Self::Address(kind) => write!(f, " · over {kind:?}"),
            Self::Burst(connections) => write!(f, " · over {connections} connections at once"),
            Self::AfterRetry => f.write_str(" · after Retry-After"),
            Self::Raw(raw) => write!(f, " · {}", raw.what),
            Self::Drill(_) => f.write_str(" · a drill"),
            Self::Handshake(Offer::Tls10) => f.write_str(" · TLS 1.0 handshake"),
            Self::Handshake(Offer::Tls11) => f.write_str(" · TLS 1.1 handshake"),
            Self::Handshake(Offer::Today) => f.write_str(" · TLS handshake"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tls::Alert;

    /// The names in a recording: other names are another format.
    #[test]
    fn a_recording_names_the_kinds_of_answers_and_why_there_is_none() {
        let raw = Answer::Raw(RawReply { responses: Vec::new(), closed: true, taken: 9 });
        let handshake = Answer::Handshake(Handshake {
            version: None,
            protocol: None,
            certificate: None,
            refused: Some(TlsFailure::Alert(Alert(40))),
        });
        let missing = Answer::Missing(Missing::Refused { place: "api.example.com".to_owned() });
        assert_eq!(
            serde_json::to_string(&[raw, handshake, missing]).unwrap(),
            "[{\"raw\":{\"responses\":[],\"closed\":true,\"taken\":9}},{\"handshake\":{\"version\":null,\
             \"protocol\":null,\"certificate\":null,\"refused\":{\"alert\":40}}},\
             {\"missing\":{\"refused\":{\"place\":\"api.example.com\"}}}]"
        );
    }
}
