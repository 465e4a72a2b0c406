//! The log: one line of JSON per event for Railway, readable lines for a person.

use std::fmt;
use std::io::{self, IsTerminal as _};
use std::panic::PanicHookInfo;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode};
use jiff::Timestamp;
use profiles::Environment;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, Targets, filter_fn};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt as lines};

use crate::routes::Kind;

/// Standard output for both: Railway takes every line of standard error for an error.
/// `directives` are those of `RUST_LOG`, such as `server=debug`.
pub fn install(environment: Environment, directives: Option<&str>) {
    // Set to nothing, as by a dashboard's cleared field, it would silence every line.
    let parsed = directives.filter(|text| !text.trim().is_empty()).map(str::parse::<Targets>);
    let unreadable = matches!(parsed, Some(Err(_)));
    let targets =
        parsed.and_then(Result::ok).unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let filter = targets.and(filter_fn(is_discreet));
    let layer = lines::layer().with_writer(io::stdout);
    let layer = match environment {
        Environment::Production => layer.event_format(JsonLines).boxed(),
        Environment::Development => {
            layer.compact().with_target(false).with_ansi(io::stdout().is_terminal()).boxed()
        }
    };
    // A second installation, in a test's process, leaves the first.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
    std::panic::set_hook(Box::new(log_panic));
    if unreadable {
        tracing::warn!("`RUST_LOG` is not a list such as `info,server=debug`; logging from `info` upwards");
    }
}

/// One line per request. Probes that go well are silent.
pub(crate) fn request(
    kind: Kind,
    method: &Method,
    path: &str,
    status: StatusCode,
    took: Duration,
    id: &HeaderValue,
) {
    if kind == Kind::Probe && status.is_success() {
        return;
    }
    let ours = status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED;
    let (status, duration_us) = (status.as_u16(), u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    let id = id.to_str().unwrap_or_default();
    // Without the query: it may hold what should not be kept.
    if ours {
        tracing::error!(%method, path, status, duration_us, id, "request");
    } else {
        tracing::info!(%method, path, status, duration_us, id, "request");
    }
}

/// Below info, the driver logs the parameters of statements.
fn is_discreet(metadata: &Metadata<'_>) -> bool {
    !metadata.target().starts_with("tokio_postgres") || *metadata.level() <= Level::INFO
}

fn log_panic(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("a panic without a message");
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(location, "panic: {message}");
}

/// `message` and `level` are the keys that Railway reads; it makes every other key searchable.
struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        writeln!(writer, "{}", line(event))
    }
}

fn line(event: &Event<'_>) -> Value {
    let mut fields = Fields(Map::new());
    event.record(&mut fields);
    let level = event.metadata().level().as_str().to_ascii_lowercase();
    fields.0.insert("level".to_owned(), level.into());
    fields.0.insert("timestamp".to_owned(), format!("{:.6}", Timestamp::now()).into());
    fields.0.insert("target".to_owned(), event.metadata().target().into());
    Value::Object(fields.0)
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
