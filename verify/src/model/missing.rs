//! Why there is no answer: judgements read the variant, a person reads its words.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::exchange::AddressKind;
use super::tls::TlsFailure;

/// Why a request has no answer. `place` is the host and port of the target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Error)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    #[error(
        "the name {host} leads to no address; check the URL, its DNS records and this machine's resolver"
    )]
    Unresolved { host: String },
    #[error("the name {host} has no {kind:?} address")]
    NoAddress { host: String, kind: AddressKind },
    #[error("could not connect to {place}: connection refused; nothing listens on this port")]
    Refused { place: String },
    /// This machine cannot send to such an address: the target's state is unknown.
    #[error("could not connect to {place}: {why}")]
    Unreachable { place: String, why: Unreachable },
    #[error("{} within {:?}", .phase.overdue(.place), Duration::from_millis(*.within_ms))]
    Timeout { place: String, phase: Phase, within_ms: u64 },
    #[error("no TLS connection to {place}: {why}")]
    Tls { place: String, why: TlsFailure },
    #[error("{place} closed the connection {phase}")]
    Closed { place: String, phase: Phase },
    #[error("{place} reset the connection {phase}")]
    Reset { place: String, phase: Phase },
    #[error("the answer of {place} cannot be read: {how}")]
    Malformed { place: String, how: Malformed },
    /// An error of the system without a variant of its own, for a person.
    #[error("the connection to {place} failed {phase}: {why}")]
    Failed { place: String, phase: Phase, why: String },
    /// A raw connection ended before an answer began.
    #[error("the connection was closed without an answer")]
    HungUp,
    /// A raw connection stayed open without an answer.
    #[error("the connection stayed open without an answer")]
    Silent,
    /// A gateway in front of the service answered in its place.
    #[error(
        "the platform or a proxy answered {status} in the service's place: without {header}, which GET {health} has"
    )]
    Gateway { status: u16, header: String, health: String },
    /// Of a candidate whose health check does not answer 200.
    #[error("the health check answered {status}")]
    Unhealthy { status: u16 },
    /// Of a candidate that has ended; without a code by a signal.
    #[error("the candidate ended {}", .code.map_or("by a signal".to_owned(), |code| format!("with {code}")))]
    Ended { code: Option<i32> },
    #[error("not sent: {0}")]
    NotSent(NotSent),
    #[error("not in the evidence; record it again with --record")]
    NotRecorded,
    #[error("the evidence answers another kind of question; record it again with --record")]
    OtherKind,
}

/// The phase of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    Connect,
    Tls,
    /// The request was sent, and the head of the answer was not complete.
    Head,
    Body,
}

/// Why this machine cannot send to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Error)]
#[serde(rename_all = "kebab-case")]
pub enum Unreachable {
    #[error("this machine's network cannot reach it (network is unreachable)")]
    Network,
    #[error("this machine has no route to its host")]
    Host,
    #[error("this machine has no address of the same kind")]
    Family,
}

/// How an answer breaks its protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Error)]
#[serde(rename_all = "kebab-case")]
pub enum Malformed {
    #[error("it is not HTTP/1.1; if TLS is spoken on this port, ask for https")]
    Head,
    #[error("its status is not a number of three digits")]
    Status,
    #[error("its head is longer than a client reads")]
    HeadTooLarge,
    #[error("its body breaks the chunked coding")]
    Body,
    #[error("it is HTTP/2, which was not negotiated")]
    Http2Unasked,
    #[error("its HTTP/2 frames break the protocol")]
    Frames,
}

/// Why a request was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Error)]
#[serde(rename_all = "kebab-case")]
pub enum NotSent {
    #[error("the target did not answer its health check")]
    TargetSilent,
    #[error("no candidate is running; see why the previous one ended")]
    NoCandidate,
    #[error("only `verify drill` has a candidate for this step")]
    DrillOnly,
    #[error("no client could be created for it")]
    NoClient,
    #[error("this machine's limit of open files is reached; raise it with `ulimit -n`")]
    OpenFiles,
}

impl Phase {
    /// The late phase, as the beginning of a sentence.
    fn overdue(self, place: &str) -> String {
        match self {
            Self::Connect => format!("could not connect to {place}"),
            Self::Tls => format!("no TLS handshake with {place}"),
            Self::Head => format!("no response from {place}"),
            Self::Body => format!("the response from {place} was not complete"),
        }
    }
}

impl fmt::Display for Phase {
    /// The end of a sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "while it was opened",
            Self::Tls => "during the TLS handshake",
            Self::Head => "before it answered",
            Self::Body => "in the middle of its answer",
        })
    }
}
