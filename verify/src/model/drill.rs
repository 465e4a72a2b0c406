//! The steps of a drill of a release candidate, as data.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::exchange::Request;

/// One action, with a name if a check reads its result.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Step {
    /// Such as `in-flight`: its result is read by this name, and a step without a name cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub action: Action,
}

/// One action, or one wait.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Starts another candidate with this change; continues when it answers, has ended, or its time is over.
    Start(Change),
    /// Sets a fault of the database, until the drill ends.
    Fault(Fault),
    /// Closes every live connection to the database, as its suspension does.
    Cut,
    /// Resets the counts.
    Mark,
    /// Sends the request this many times at once, and waits for the answers.
    Ask(Request, u32),
    /// The same without waiting; [`Action::Gather`] collects the answers.
    Begin(Request, u32),
    Gather,
    /// Opens a connection, writes this, and holds it to the drill's end. `{host}` stands for the candidate.
    Hold(String),
    /// Opens a connection to the candidate's port at this address, and sends a request that needs no database.
    Reach(String),
    Pause(u64),
    Signal(Signal),
    /// Requests the health path until it answers 200, for at most this many milliseconds.
    Recover(u64),
    /// Waits for the candidate's end, for at most this many milliseconds.
    End(u64),
}

/// A change of a candidate's environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    Nothing,
    /// The variable is missing.
    Without(String),
    Empty(String),
    /// The placeholder of templates: `changeme`.
    Placeholder(String),
    /// The database's URL asks for a verified certificate.
    VerifiedDatabase,
}

/// A fault of the database, or of the network in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Nothing listens.
    Refuse,
    /// Connections are accepted, but never answered.
    BlackHole,
    /// Every answer arrives this many milliseconds later.
    Latency(u64),
    /// Live connections are reset; new ones work.
    Reset,
    /// The database closes its side of live connections and keeps reading; new ones work.
    HalfClose,
    /// Live connections are never answered again, as by a firewall that forgot them; new ones work.
    Freeze,
    /// Passwords are refused.
    AuthError,
    /// Connections succeed, and every query fails.
    QueryError,
    /// It shows a self-signed certificate.
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

impl Step {
    /// Gives its result a name.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..self }
    }

    pub fn is_named(&self, name: &str) -> bool {
        self.name.as_deref() == Some(name)
    }

    pub const fn start(change: Change) -> Self {
        Self::of(Action::Start(change))
    }

    pub const fn fault(fault: Fault) -> Self {
        Self::of(Action::Fault(fault))
    }

    pub const fn cut() -> Self {
        Self::of(Action::Cut)
    }

    pub const fn mark() -> Self {
        Self::of(Action::Mark)
    }

    pub const fn ask(request: Request, times: u32) -> Self {
        Self::of(Action::Ask(request, times))
    }

    pub const fn begin(request: Request, times: u32) -> Self {
        Self::of(Action::Begin(request, times))
    }

    pub const fn gather() -> Self {
        Self::of(Action::Gather)
    }

    pub const fn hold(text: String) -> Self {
        Self::of(Action::Hold(text))
    }

    pub fn reach(address: &str) -> Self {
        Self::of(Action::Reach(address.to_owned()))
    }

    pub const fn pause(ms: u64) -> Self {
        Self::of(Action::Pause(ms))
    }

    pub const fn signal(signal: Signal) -> Self {
        Self::of(Action::Signal(signal))
    }

    pub const fn recover(within_ms: u64) -> Self {
        Self::of(Action::Recover(within_ms))
    }

    pub const fn end(within_ms: u64) -> Self {
        Self::of(Action::End(within_ms))
    }

    const fn of(action: Action) -> Self {
        Self { name: None, action }
    }
}

impl Fault {
    /// Whether a new connection to the database works.
    pub const fn spares_new_connections(self) -> bool {
        matches!(self, Self::Reset | Self::HalfClose | Self::Freeze)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.action.fmt(f)
    }
}

impl fmt::Display for Action {
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
            Self::SelfSigned => f.write_str("the database shows a self-signed certificate"),
            Self::WrongHost => f.write_str("the database shows a certificate of another host"),
            Self::Plaintext => f.write_str("the database has no TLS"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_has_the_name_of_a_step_that_is_read() {
        let steps = [Step::gather().named("in-flight"), Step::pause(250)];
        let written = serde_json::to_string(&steps).unwrap();
        assert_eq!(written, r#"[{"name":"in-flight","action":"gather"},{"action":{"pause":250}}]"#);
        assert_eq!(serde_json::from_str::<Vec<Step>>(&written).unwrap(), steps);
    }
}
