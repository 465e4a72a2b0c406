//! The log: one line of JSON per event for Railway, readable lines for a person.

use std::fmt;
use std::io::{self, IsTerminal as _};
use std::panic::PanicHookInfo;

use jiff::Timestamp;
use profiles::Environment;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt as lines};

use crate::current::Current;

/// Standard output for both: Railway takes every line of standard error for an error.
/// `directives` are those of `RUST_LOG`, such as `server=debug`.
pub fn install(environment: Environment, directives: Option<&str>) {
    // Set to nothing, as by a dashboard's cleared field, it would silence every line.
    let parsed = directives.filter(|text| !text.trim().is_empty()).map(str::parse::<Targets>);
    let unreadable = matches!(parsed, Some(Err(_)));
    let targets =
        parsed.and_then(Result::ok).unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    // JSON has no colours, whatever this says.
    let layer = lines::layer()
        .with_writer(io::stdout)
        .with_ansi(io::stdout().is_terminal())
        .event_format(Lines::for_readers(environment));
    // A second installation, in a test's process, leaves the first.
    let _ = tracing_subscriber::registry().with(layer.with_filter(targets)).try_init();
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

/// How a line is written.
enum Lines {
    /// `message` and `level` are the keys that Railway reads; it makes every other key searchable.
    Json,
    /// Time, level and message, then the fields by name.
    Readable,
}

impl Lines {
    fn for_readers(environment: Environment) -> Self {
        match environment {
            Environment::Production => Self::Json,
            Environment::Development => Self::Readable,
        }
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        match self {
            Self::Json => json(writer, event),
            Self::Readable => readable(writer, event),
        }
    }
}

fn json(mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
    let mut fields = fields(event);
    let level = event.metadata().level().as_str().to_ascii_lowercase();
    fields.insert("level".to_owned(), level.into());
    fields.insert("timestamp".to_owned(), now().into());
    fields.insert("target".to_owned(), event.metadata().target().into());
    writeln!(writer, "{}", Inert(&Value::Object(fields).to_string()))
}

fn readable(mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
    let mut fields = fields(event);
    let (level, message) = (event.metadata().level(), fields.remove("message").unwrap_or_default());
    if writer.has_ansi_escapes() {
        write!(writer, "{} \x1b[{}m{level:>5}\x1b[0m", now(), colour(*level))?;
    } else {
        write!(writer, "{} {level:>5}", now())?;
    }
    write!(writer, " {}", Inert(message.as_str().unwrap_or_default()))?;
    for (name, value) in fields {
        write!(writer, " {name}={}", Inert(&value.to_string()))?;
    }
    writeln!(writer)
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
    format!("{:.6}", Timestamp::now())
}

/// The event's own, and whose request it belongs to.
fn fields(event: &Event<'_>) -> Map<String, Value> {
    let mut fields = Fields(Map::new());
    event.record(&mut fields);
    if let Some((id, trace)) = Current::read() {
        fields.0.insert("id".to_owned(), id.into());
        if let Some(trace) = trace {
            fields.0.insert("trace_id".to_owned(), trace.to_string().into());
        }
    }
    fields.0
}

/// Text that neither ends its line nor moves a terminal's cursor, whoever wrote it: what JSON leaves as it is, `DEL`,
/// the C1 controls, the separators of lines and what turns the direction of writing, is escaped as JSON would.
struct Inert<'t>(&'t str);

impl fmt::Display for Inert<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let acts = |char: char| {
            char.is_control() || matches!(char, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        let mut rest = self.0;
        while let Some(at) = rest.find(acts) {
            let (before, after) = rest.split_at(at);
            let mut after = after.chars();
            let char = after.next().map_or(0, u32::from);
            write!(f, "{before}\\u{char:04x}")?;
            rest = after.as_str();
        }
        f.write_str(rest)
    }
}

struct Fields(Map<String, Value>);

impl Fields {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// What one event becomes, with a hostile text as its message and in its fields.
    fn written(environment: Environment, hostile: &str) -> String {
        let buffer = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&buffer);
        let writer = move || Writing(Arc::clone(&into));
        let layer =
            lines::layer().with_writer(writer).with_ansi(false).event_format(Lines::for_readers(environment));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info!(path = hostile, shown = %hostile, debugged = ?hostile, "{hostile}");
        });
        String::from_utf8(buffer.lock().unwrap().clone()).unwrap()
    }

    struct Writing(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Writing {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
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
        assert_eq!(rest, " INFO text debugged=\"\\\"text\\\"\" path=\"text\" shown=\"text\"\n");
    }
}
