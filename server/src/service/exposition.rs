//! The metrics as text: counters, and gauges that are read at each scrape.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, prometheus_text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::observe::log;
use crate::service::Service;
use crate::service::drain::Stage;

/// All named metrics. The counters are shared with the service, not copied.
pub(crate) struct Exposition(Registry);

/// Values without a counter, read at each scrape.
struct AtScrape {
    service: Arc<Service>,
    release: String,
    /// In seconds since 1970.
    started: f64,
}

impl Exposition {
    /// In the Prometheus text format.
    pub(crate) const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

    /// Records the current time as the start of the process.
    pub(crate) fn new(service: Arc<Service>, release: Option<&HeaderValue>) -> Self {
        let mut registry = Registry::default();
        service.metrics.register(&mut registry);
        let release = release.and_then(|release| release.to_str().ok()).unwrap_or_default().to_owned();
        let started = Timestamp::now().as_duration().as_secs_f64();
        registry.register_collector(Box::new(AtScrape { service, release, started }));
        Self(registry)
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.0).expect("a `String` takes all that is written");
        text
    }
}

impl Collector for AtScrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        self.pool(encoder)?;
        self.health(encoder)?;
        let stage = self.service.drain.stage();
        let (help, draining) = ("Whether the service has been told to end", stage != Stage::Serving);
        gauge(encoder, "server_draining", help, &u32::from(draining))?;
        let help = "How near the end is: 1 for the stage that is reached, 0 for the others";
        let mut reached = encoder.encode_descriptor("server_stage", help, None, MetricType::Gauge)?;
        for one in Stage::ALL {
            reached.encode_family(&[("stage", one.as_str())])?.encode_gauge(&u32::from(one == stage))?;
        }
        let help = "Lines of the log that were dropped or could not be written";
        let mut lost = encoder.encode_descriptor("server_log_lost_lines", help, None, MetricType::Counter)?;
        lost.encode_counter::<[(&str, &str); 0], _, f64>(&log::lost(), None)?;
        let help = "When the service started, in seconds since 1970";
        gauge(encoder, "process_start_time_seconds", help, &self.started)?;
        let labels = [
            ("version", env!("CARGO_PKG_VERSION")),
            ("release", &self.release),
            ("environment", self.service.profile.environment.as_str()),
        ];
        let help = "Which build this is";
        let mut build = encoder.encode_descriptor("server_build_info", help, None, MetricType::Gauge)?;
        build.encode_family(&labels)?.encode_gauge(&1)
    }
}

impl AtScrape {
    /// Named by OpenTelemetry's conventions for database client pools, where they define a name.
    fn pool(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let pool = self.service.database.metrics();
        let (name, help) = ("db_client_connection_count", "Open connections to the database, by state");
        let mut count = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        let used = pool.size.saturating_sub(pool.available);
        for (state, connections) in [("idle", pool.available), ("used", used)] {
            count.encode_family(&[("db_client_connection_state", state)])?.encode_gauge(&connections)?;
        }
        let most = self.service.profile.pool.most();
        gauge(encoder, "db_client_connection_max", "The most connections that requests ever hold", &most)?;
        let help = "Callers that wait for a connection";
        gauge(encoder, "db_client_connection_pending_requests", help, &pool.waiting)?;
        let help = "The longest time from asking for a connection to having one";
        let longest = pool.checkout_longest.as_secs_f64();
        gauge(encoder, "db_client_connection_longest_wait_seconds", help, &longest)?;
        for (name, help, value) in [
            ("created", "Connections that were opened", pool.created),
            ("recycled", "Connections that were replaced because of their age", pool.recycled),
            ("discarded", "Connections that were lost, silent, or busy at their deadline", pool.discarded),
            ("trimmed", "Idle connections that were closed as not needed", pool.trimmed),
            ("pinged", "Connections that were pinged before they were handed out", pool.pinged),
            ("checkouts", "Connections that were handed out", pool.checkouts),
        ] {
            let name = format!("db_client_connection_{name}");
            let mut counter = encoder.encode_descriptor(&name, help, None, MetricType::Counter)?;
            counter.encode_counter::<[(&str, &str); 0], _, f64>(&value, None)?;
        }
        let (name, help) =
            ("db_client_connection_wait", "The time from asking for connections to having them");
        let mut wait = encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Counter)?;
        wait.encode_counter::<[(&str, &str); 0], _, f64>(&pool.checkout_total.as_secs_f64(), None)
    }

    fn health(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let counts = self.service.ping.counts();
        let (name, help) =
            ("health_verdicts", "Queries of the health check, by what they said of the database");
        let mut counter = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (verdict, count) in [
            ("connected", counts.connected()),
            ("read-only", counts.read_only()),
            ("disconnected", counts.disconnected()),
        ] {
            counter
                .encode_family(&[("verdict", verdict)])?
                .encode_counter::<[(&str, &str); 0], _, f64>(&count, None)?;
        }
        Ok(())
    }
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: &impl EncodeGaugeValue,
) -> fmt::Result {
    encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(value)
}

impl fmt::Debug for AtScrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtScrape").field("release", &self.release).finish_non_exhaustive()
    }
}
