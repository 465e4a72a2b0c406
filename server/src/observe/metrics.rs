//! The counters of the running service. `exposition` reads them, and `connection/scrape.rs` serves them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::request::head::METHODS;

/// Counting a request needs neither an allocation nor a look-up by name: its counters are indexed by numbers.
pub(crate) struct Metrics {
    durations: Family<Labels, Histogram, fn() -> Histogram>,
    /// By route and method; the last entry stands for all unknown paths.
    cells: Vec<[Cell; COLUMNS]>,
    patterns: Vec<Arc<str>>,
    active: Gauge,
    abandoned: Counter,
    malformed: Counter,
    connections: Gauge,
    accept_errors: Counter,
    excess: Counter,
    shed: Counter,
    limited: Counter,
}

/// The histograms of one route and method, one for each status that its handler has answered.
type Cell = Mutex<Vec<(StatusCode, Histogram)>>;

/// OpenTelemetry's conventions for HTTP servers. A client cannot create new labels: unknown paths are `""`, unknown
/// methods `_OTHER`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
#[expect(clippy::struct_field_names, reason = "the fields are the labels")]
struct Labels {
    http_request_method: &'static str,
    http_route: Arc<str>,
    http_response_status_code: u16,
}

/// The known methods, and one entry for all others.
const COLUMNS: usize = METHODS.len() + 1;

/// In seconds: the buckets that the conventions advise, and smaller ones for this service's usual times.
const BUCKETS: [f64; 17] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Adds one to a gauge while it is held.
#[must_use]
pub(crate) struct GaugeGuard(Gauge);

impl Metrics {
    /// Metrics for routes with these paths, in the order of the table.
    pub(crate) fn new<'p>(patterns: impl IntoIterator<Item = &'p str>) -> Self {
        let mut patterns: Vec<Arc<str>> = patterns.into_iter().map(Arc::from).collect();
        patterns.push("".into());
        Self {
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            cells: patterns.iter().map(|_| std::array::from_fn(|_| Cell::default())).collect(),
            patterns,
            active: Gauge::default(),
            abandoned: Counter::default(),
            malformed: Counter::default(),
            connections: Gauge::default(),
            accept_errors: Counter::default(),
            excess: Counter::default(),
            shed: Counter::default(),
            limited: Counter::default(),
        }
    }

    /// Registers the counters, which are shared and not copied.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register_with_unit(
            "http_server_request_duration",
            "The time from a request's head to its answer, by method, route and status",
            Unit::Seconds,
            self.durations.clone(),
        );
        let gauges = [
            ("http_server_active_requests", "Requests that are being answered", &self.active),
            ("server_open_connections", "Connections that are open", &self.connections),
        ];
        for (name, help, gauge) in gauges {
            registry.register(name, help, gauge.clone());
        }
        let counters = [
            ("http_server_abandoned_requests", "Requests whose client did not wait", &self.abandoned),
            ("http_server_malformed_requests", "Heads that were late or not HTTP", &self.malformed),
            ("http_server_shed_requests", "Requests refused because too many were handled", &self.shed),
            ("http_server_limited_requests", "Requests beyond the rate of their client", &self.limited),
            ("server_accept_errors", "Connections that could not be accepted", &self.accept_errors),
            ("server_excess_connections", "Connections beyond the most that may be open", &self.excess),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
    }

    /// The route's path, such as `/api/things/{id}`.
    pub(crate) fn pattern(&self, route: usize) -> &str {
        &self.patterns[route]
    }

    /// Counts an answered request.
    pub(crate) fn answered(&self, route: Option<usize>, method: &Method, status: StatusCode, took: Duration) {
        let route = route.unwrap_or(self.patterns.len() - 1);
        let method = METHODS.iter().position(|known| known == method).unwrap_or(COLUMNS - 1);
        let mut cell = self.cells[route][method].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, histogram)) = cell.iter().find(|(seen, _)| *seen == status) {
            histogram.observe(took.as_secs_f64());
        } else {
            let histogram = self.durations.get_or_create_owned(&Labels {
                http_request_method: METHODS.get(method).copied().unwrap_or("_OTHER"),
                http_route: Arc::clone(&self.patterns[route]),
                http_response_status_code: status.as_u16(),
            });
            histogram.observe(took.as_secs_f64());
            cell.push((status, histogram));
        }
    }

    /// Counts a request as active until the value is dropped.
    pub(crate) fn request_begun(&self) -> GaugeGuard {
        GaugeGuard::new(&self.active)
    }

    /// Counts a request whose client disconnected before the answer.
    pub(crate) fn abandoned(&self) {
        self.abandoned.inc();
    }

    /// Counts a late or malformed head.
    pub(crate) fn malformed(&self) {
        self.malformed.inc();
    }

    /// Counts a connection as open until the value is dropped.
    pub(crate) fn connection_opened(&self) -> GaugeGuard {
        GaugeGuard::new(&self.connections)
    }

    /// Counts a failed accept.
    pub(crate) fn accept_failed(&self) {
        self.accept_errors.inc();
    }

    /// Counts a connection beyond the most that may be open.
    pub(crate) fn excess(&self) {
        self.excess.inc();
    }

    /// Counts a request that was refused because too many are handled at once.
    pub(crate) fn shed(&self) {
        self.shed.inc();
    }

    /// Counts a request beyond its client's rate.
    pub(crate) fn limited(&self) {
        self.limited.inc();
    }
}

impl GaugeGuard {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for GaugeGuard {
    fn drop(&mut self) {
        self.0.dec();
    }
}
