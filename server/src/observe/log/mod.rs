//! The log: one line of JSON per event for Railway, readable lines for a person.

mod flood;
mod layer;
mod line;
mod writer;

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::panic::PanicHookInfo;
use std::time::Duration;

use profiles::Environment;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::Registry;

use self::layer::Layer;
use self::line::{Format, Line};
use self::writer::Queue;

/// How long the exit waits for the reader of the log, for the sake of the last lines.
const LAST_LINES: Duration = Duration::from_millis(250);

/// The log of this process. Its drop writes the last lines, as far as the reader takes them in time.
#[must_use = "the log ends when it is dropped"]
pub struct Log(Queue);

/// Both formats go to standard output: Railway shows every line of standard error as an error.
/// `directives` is the value of `RUST_LOG`, such as `server=debug`.
///
/// A thread writes the lines, so a slow or stalled reader delays only them. Beyond 1 MiB of queued lines, further lines
/// are dropped, counted in the metric `server_log_lost_lines`, and reported in one line when the reader continues.
pub fn install(environment: Environment, directives: Option<&str>) -> io::Result<Log> {
    // An empty value, such as a dashboard's cleared field, would silence every line.
    let parsed = directives.filter(|text| !text.trim().is_empty()).map(str::parse::<Targets>);
    let unreadable = matches!(parsed, Some(Err(_)));
    let targets =
        parsed.and_then(Result::ok).unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let format = Format::for_readers(environment, io::stdout().is_terminal());
    // A separate descriptor: a blocked write must not hold the lock of `io::stdout`.
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let queue = Queue::start(output, format)?;
    let log = Log(queue.clone());
    let layer = Layer(move |line: Line| queue.push(line));
    // A second installation, in a test's process, keeps the first.
    let _ = tracing::subscriber::set_global_default(Registry::default().with(targets).with(layer));
    std::panic::set_hook(Box::new(log_panic));
    if unreadable {
        tracing::warn!("`RUST_LOG` is not a list such as `info,server=debug`; logging from `info` upwards");
    }
    Ok(log)
}

/// How many lines of this process were lost.
pub(crate) fn lost() -> u64 {
    writer::lost()
}

impl Drop for Log {
    fn drop(&mut self) {
        self.0.close(LAST_LINES);
    }
}

fn log_panic(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("a panic without a message");
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(location, "panic: {message}");
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use http::HeaderValue;
    use serde_json::Value;

    use super::*;
    use crate::observe::request_scope::RequestScope;

    /// The line of an event with a hostile text in its message and its fields.
    fn written(environment: Environment, hostile: &str) -> String {
        let lines = logged(environment, "info", || {
            tracing::info!(path = hostile, shown = %hostile, debugged = ?hostile, "{hostile}");
        });
        lines.concat()
    }

    /// The lines that are logged during `work`.
    fn logged(environment: Environment, directives: &str, work: impl FnOnce()) -> Vec<String> {
        let written = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&written);
        let format = Format::for_readers(environment, false);
        let layer = Layer(move |line: Line| into.lock().unwrap().push(format.write(&line)));
        let targets: Targets = directives.parse().unwrap();
        tracing::subscriber::with_default(Registry::default().with(targets).with(layer), work);
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
            let _span = tracing::error_span!("a span is no line").entered();
        };
        let lines = logged(Environment::Production, "info,server=debug,quiet=off", work);
        let messages: Vec<Value> =
            lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()["message"].take()).collect();
        assert_eq!(messages, ["1", "3"]);
    }

    #[test]
    fn a_line_has_the_fields_of_the_spans_it_stands_in() {
        let work = || {
            let outer = tracing::info_span!("import", file = "a.csv", rows = tracing::field::Empty, step = 1);
            let _outer = outer.enter();
            outer.record("rows", 40);
            tracing::info_span!("row", number = 7, step = 2)
                .in_scope(|| tracing::info!(number = 8, "refused"));
            outer.record("rows", 41);
            tracing::info!("read");
        };
        let within = || RequestScope::new(HeaderValue::from_static("edge-7"), None).run_sync(work);
        let lines = logged(Environment::Production, "info", within);
        let without_time = |line: &String| {
            let mut line: Value = serde_json::from_str(line).unwrap();
            line.as_object_mut().unwrap().remove("timestamp");
            line
        };
        let target = module_path!();
        assert_eq!(
            lines.iter().map(without_time).collect::<Vec<_>>(),
            [
                // The event's own field precedes its span's, and the inner span's the outer one's.
                serde_json::json!({
                    "level": "info", "target": target, "id": "edge-7", "message": "refused", "number": 8, "step": 2,
                    "file": "a.csv", "rows": 40, "spans": "import:row",
                }),
                serde_json::json!({
                    "level": "info", "target": target, "id": "edge-7", "message": "read", "step": 1,
                    "file": "a.csv", "rows": 41, "spans": "import",
                }),
            ]
        );
        assert!(lines.iter().all(|line| line.matches("\"step\"").count() == 1), "{lines:?}");
    }

    #[test]
    fn what_is_chosen_may_be_a_span() {
        let work = || {
            let _quiet = tracing::debug_span!("quiet", secret = 1).entered();
            let _loud = tracing::debug_span!(target: "loud", "loud", shown = 1).entered();
            tracing::info!("within");
        };
        let lines = logged(Environment::Production, "info,loud=debug", work);
        let line: Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(
            (&line["spans"], &line["shown"], &line["secret"]),
            (&"loud".into(), &1.into(), &Value::Null)
        );
    }
}
