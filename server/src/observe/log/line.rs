//! A line of the log, and its formats.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use jiff::Timestamp;
use profiles::Environment;
use serde_json::Value;
use tracing::Level;
use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};

use crate::response::timestamp;

/// The content of a line, without its time.
pub(super) struct Line {
    pub(super) level: Level,
    pub(super) target: &'static str,
    pub(super) fields: Fields,
    /// The kind by which repeated lines are summed up.
    pub(super) kind: Option<Kind>,
}

/// The event's position in the code, and the kind by which it is summed up.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Kind(pub(super) Identifier, pub(super) String);

/// The format of a line.
#[derive(Clone, Copy)]
pub(super) enum Format {
    /// `message` and `level` are the keys that Railway reads; it makes every other key searchable.
    Json,
    /// Time, level and message, then the fields in their order.
    Readable { coloured: bool },
}

impl Format {
    pub(super) const fn for_readers(environment: Environment, terminal: bool) -> Self {
        match environment {
            Environment::Production => Self::Json,
            Environment::Development => Self::Readable { coloured: terminal },
        }
    }

    pub(super) fn write(self, line: &Line) -> String {
        match self {
            Self::Json => json(line),
            Self::Readable { coloured } => readable(line, coloured),
        }
    }
}

fn json(Line { level, target, fields, .. }: &Line) -> String {
    let mut text = vec![b'{'];
    let mut put = |name: &str, value: &Value| {
        // Writing to memory cannot fail.
        let _ = serde_json::to_writer(&mut text, name);
        text.push(b':');
        let _ = serde_json::to_writer(&mut text, value);
        text.push(b',');
    };
    put("level", &level.as_str().to_ascii_lowercase().into());
    put("timestamp", &now().into());
    put("target", &(*target).into());
    for (name, value) in &fields.0 {
        if !matches!(*name, "level" | "timestamp" | "target") {
            put(name, value);
        }
    }
    // Remove the last comma.
    text.pop();
    inert(&String::from_utf8_lossy(&text)).into_owned() + "}\n"
}

fn readable(Line { level, fields, .. }: &Line, coloured: bool) -> String {
    let (mut message, mut rest) = ("", String::new());
    for (name, value) in &fields.0 {
        match value {
            Value::String(text) if *name == "message" => message = text,
            value => _ = write!(rest, " {name}={value}"),
        }
    }
    let level =
        if coloured { format!("\x1b[{}m{level:>5}\x1b[0m", colour(*level)) } else { format!("{level:>5}") };
    format!("{} {level} {}{}\n", now(), inert(message), inert(&rest))
}

fn colour(level: Level) -> u8 {
    match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        _ => 2,
    }
}

fn now() -> String {
    timestamp::rfc3339(Timestamp::now())
}

/// Text that neither ends its line nor moves a terminal's cursor, from any source: what JSON leaves as it is, `DEL`,
/// the C1 controls, the separators of lines and what turns the direction of writing, is escaped as JSON would.
fn inert(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Cow::Borrowed(text);
    }
    let acts =
        |char: char| char.is_control() || matches!(char, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        if acts(char) {
            let _ = write!(escaped, "\\u{:04x}", u32::from(char));
        } else {
            escaped.push(char);
        }
    }
    Cow::Owned(escaped)
}

/// The fields of a line in their order. Each name occurs once, with its first value.
#[derive(Default)]
pub(super) struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    pub(super) fn put(&mut self, name: &'static str, value: impl Into<Value>) {
        if self.0.iter().all(|(known, _)| *known != name) {
            self.0.push((name, value.into()));
        }
    }

    /// Takes out the text of a field that is not written.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        let place = self.0.iter().position(|(known, _)| *known == name)?;
        match self.0.remove(place).1 {
            Value::String(text) => Some(text),
            value => Some(value.to_string()),
        }
    }

    /// Adds the fields of `others` that are missing here.
    pub(super) fn add(&mut self, others: &Self) {
        for (name, value) in &others.0 {
            self.put(name, value.clone());
        }
    }

    /// Adds the fields of `others`, replacing older values.
    pub(super) fn replace(&mut self, others: Self) {
        self.0.retain(|(name, _)| others.0.iter().all(|(newer, _)| newer != name));
        self.0.extend(others.0);
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        // A value whose formatting fails is shown up to the failure.
        let _ = write!(text, "{value:?}");
        self.put(field.name(), text);
    }
}
