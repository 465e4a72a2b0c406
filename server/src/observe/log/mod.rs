//! The log: one line of JSON per event for Railway, readable lines for a person.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal as _, Write as _};
use std::panic::PanicHookInfo;

use jiff::Timestamp;
use profiles::Environment;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::Targets;

use crate::observe::request_scope::RequestScope;
use crate::response::timestamp;

/// Standard output for both: Railway takes every line of standard error for an error.
/// `directives` are those of `RUST_LOG`, such as `server=debug`.
pub fn install(environment: Environment, directives: Option<&str>) {
    // Set to nothing, as by a dashboard's cleared field, it would silence every line.
    let parsed = directives.filter(|text| !text.trim().is_empty()).map(str::parse::<Targets>);
    let unreadable = matches!(parsed, Some(Err(_)));
    let targets =
        parsed.and_then(Result::ok).unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let lines = Lines::for_readers(environment, io::stdout().is_terminal());
    // A log that cannot be written must not end what it tells of, and has no other place to say so.
    let write = |line: &str| _ = io::stdout().write_all(line.as_bytes());
    // A second installation, in a test's process, leaves the first.
    let _ = tracing::subscriber::set_global_default(Log { targets, lines, write });
    std::panic::set_hook(Box::new(log_panic));
    if unreadable {
        tracing::warn!("`RUST_LOG` is not a list such as `info,server=debug`; logging from `info` upwards");
    }
}

fn log_panic(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("a panic without a message");
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(location, "panic: {message}");
}

/// Turns events into lines. There are no spans: what a request's lines share is in [`RequestScope`].
struct Log<W> {
    targets: Targets,
    lines: Lines,
    write: W,
}

impl<W: Fn(&str) + Send + Sync + 'static> Subscriber for Log<W> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && self.targets.would_enable(metadata.target(), metadata.level())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let levels = self.targets.iter().map(|(_, level)| level).chain(self.targets.default_level());
        Some(levels.max().unwrap_or(LevelFilter::OFF))
    }

    fn event(&self, event: &Event<'_>) {
        let line = match self.lines {
            Lines::Json => json(event),
            Lines::Readable { coloured } => readable(event, coloured),
        };
        (self.write)(&line);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// How a line is written.
#[derive(Clone, Copy)]
enum Lines {
    /// `message` and `level` are the keys that Railway reads; it makes every other key searchable.
    Json,
    /// Time, level and message, then the fields as they come.
    Readable { coloured: bool },
}

impl Lines {
    const fn for_readers(environment: Environment, terminal: bool) -> Self {
        match environment {
            Environment::Production => Self::Json,
            Environment::Development => Self::Readable { coloured: terminal },
        }
    }
}

fn json(event: &Event<'_>) -> String {
    let metadata = event.metadata();
    let mut line = vec![b'{'];
    let mut put = |name: &str, value: Value| {
        // Memory takes every byte.
        let _ = serde_json::to_writer(&mut line, name);
        line.push(b':');
        let _ = serde_json::to_writer(&mut line, &value);
        line.push(b',');
    };
    put("level", metadata.level().as_str().to_ascii_lowercase().into());
    put("timestamp", now().into());
    put("target", metadata.target().into());
    fields(event, |name, value| match name {
        "level" | "timestamp" | "target" => {}
        _ => put(name, value),
    });
    // The last comma.
    line.pop();
    inert(&String::from_utf8_lossy(&line)).into_owned() + "}\n"
}

fn readable(event: &Event<'_>, coloured: bool) -> String {
    let level = event.metadata().level();
    let (mut message, mut rest) = (String::new(), String::new());
    fields(event, |name, value| match value {
        Value::String(text) if name == "message" => message = text,
        value => _ = write!(rest, " {name}={value}"),
    });
    let level =
        if coloured { format!("\x1b[{}m{level:>5}\x1b[0m", colour(*level)) } else { format!("{level:>5}") };
    format!("{} {level} {}{}\n", now(), inert(&message), inert(&rest))
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

/// Whose request the event belongs to, and its own fields. Outside of a request an event may name one itself.
fn fields(event: &Event<'_>, mut put: impl FnMut(&str, Value)) {
    let (id, trace) = RequestScope::read().unzip();
    let trace = trace.flatten();
    let (identified, traced) = (id.is_some(), trace.is_some());
    if let Some(id) = id {
        put("id", id.into());
    }
    if let Some(trace) = trace {
        put("trace_id", trace.to_string().into());
    }
    event.record(&mut Fields(|name: &str, value| match name {
        "id" if identified => {}
        "trace_id" if traced => {}
        _ => put(name, value),
    }));
}

/// Text that neither ends its line nor moves a terminal's cursor, whoever wrote it: what JSON leaves as it is, `DEL`,
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

/// Takes fields one after the other.
struct Fields<P>(P);

impl<P: FnMut(&str, Value)> Fields<P> {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        (self.0)(field.name(), value.into());
    }
}

impl<P: FnMut(&str, Value)> Visit for Fields<P> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        // What fails to show itself is shown as far as it came.
        let _ = write!(text, "{value:?}");
        self.put(field, text);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use http::HeaderValue;

    use super::*;

    /// What one event becomes, with a hostile text as its message and in its fields.
    fn written(environment: Environment, hostile: &str) -> String {
        let lines = logged(environment, "info", || {
            tracing::info!(path = hostile, shown = %hostile, debugged = ?hostile, "{hostile}");
        });
        lines.concat()
    }

    /// The lines of what is done meanwhile.
    fn logged(environment: Environment, directives: &str, work: impl FnOnce()) -> Vec<String> {
        let written = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&written);
        let log = Log {
            targets: directives.parse().unwrap(),
            lines: Lines::for_readers(environment, false),
            write: move |line: &str| into.lock().unwrap().push(line.to_owned()),
        };
        tracing::subscriber::with_default(log, work);
        written.lock().unwrap().clone()
    }

    const HOSTILE: &str =
        "a\n{\"level\":\"error\"}\r\t\0\u{1b}[2J\u{7f}\u{85}\u{9b}31m\u{2028}\u{2029}\u{202e}\u{2066}é\\";

    #[test]
    fn no_text_ends_a_line_or_moves_the_cursor() {
        for environment in [Environment::Production, Environment::Development] {
            let line = written(environment, HOSTILE);
            let line = line.strip_suffix('\n').unwrap();
            for char in line.chars() {
                assert!(!char.is_control() && !('\u{2028}'..='\u{2069}').contains(&char), "{char:?}: {line}");
            }
            assert!(line.contains('é'), "{line}");
        }
    }

    #[test]
    fn json_keeps_what_it_escapes() {
        let line: Value = serde_json::from_str(&written(Environment::Production, HOSTILE)).unwrap();
        for (name, expected) in
            [("message", HOSTILE), ("path", HOSTILE), ("shown", HOSTILE), ("level", "info")]
        {
            assert_eq!(line[name], expected, "{name}");
        }
        assert_eq!(line["debugged"], format!("{HOSTILE:?}"));
    }

    #[test]
    fn a_readable_line_is_time_level_message_and_fields() {
        let line = written(Environment::Development, "text");
        let rest = line.split_once(' ').unwrap().1;
        assert_eq!(rest, " INFO text path=\"text\" shown=\"text\" debugged=\"\\\"text\\\"\"\n");
    }

    #[test]
    fn no_field_stands_twice() {
        let work = || tracing::info!(level = "mine", target = "mine", id = "mine", path = "/", "text");
        let within = || RequestScope::new(HeaderValue::from_static("of the request"), None).run_sync(work);
        let lines = logged(Environment::Production, "info", within);
        let line: Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!((&line["level"], &line["path"]), (&"info".into(), &"/".into()));
        assert_eq!(line["id"], "of the request");
        assert!(!lines[0].contains("mine"), "{}", lines[0]);
    }

    #[test]
    fn what_never_became_a_request_is_found_by_the_id_that_it_was_answered_with() {
        let work = || tracing::info!(id = "answered", "no request");
        let lines = logged(Environment::Production, "info", work);
        let line: Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(line["id"], "answered");
    }

    #[test]
    fn directives_choose_by_target_and_level() {
        let work = || {
            tracing::debug!(target: "server::pool", "1");
            tracing::debug!(target: "other", "2");
            tracing::info!(target: "other", "3");
            tracing::warn!(target: "quiet", "4");
            let _span = tracing::error_span!("spans are left out").entered();
        };
        let lines = logged(Environment::Production, "info,server=debug,quiet=off", work);
        let messages: Vec<Value> =
            lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()["message"].take()).collect();
        assert_eq!(messages, ["1", "3"]);
    }
}
