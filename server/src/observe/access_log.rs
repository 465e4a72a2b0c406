//! One request in the log and in the metrics.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, Method, StatusCode};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::observe::metrics::{GaugeGuard, Metrics};
use crate::observe::route_label::{RouteKind, RouteLabel};
use crate::request::client::Client;
use crate::request::head::{Field, Head};

const X_REQUEST_START: HeaderName = HeaderName::from_static("x-request-start");

/// The facts about one request, from its head to its answer.
pub(crate) struct AccessLogEntry {
    pub(crate) route: Option<RouteLabel>,
    pub(crate) is_preflight: bool,
    metrics: Arc<Metrics>,
    _active: GaugeGuard,
    started: Instant,
    client: IpAddr,
    queued: Option<i64>,
}

/// The entry of a request that is answered later, and whose client may disconnect before.
pub(crate) struct Pending {
    entry: AccessLogEntry,
    method: Method,
    /// A copy: a slice of the request's bytes would prevent reuse of the connection's buffer.
    path: Box<str>,
    answered: bool,
}

/// The same line at two levels: an event's level is a constant.
macro_rules! line {
    ($level:ident, $entry:expr, $sum_by:expr, $method:expr, $path:expr, $took:expr, $message:literal $(, $field:ident)*) => {
        tracing::$level!(
            sum_by = $sum_by,
            method = %$method,
            route = $entry.route.map(|route| $entry.metrics.pattern(route.index)),
            // Without the query, which may contain private data.
            path = $path,
            client = %$entry.client,
            queue_ms = $entry.queued,
            duration_us = micros($took),
            $($field,)*
            $message
        )
    };
}

impl AccessLogEntry {
    pub(crate) fn begin(metrics: &Arc<Metrics>, head: &Head, client: &Client, started: Instant) -> Self {
        Self {
            route: None,
            is_preflight: false,
            metrics: Arc::clone(metrics),
            _active: metrics.request_begun(),
            started,
            client: client.address,
            queued: queued(head, client),
        }
    }

    pub(crate) fn pending(self, head: &Head) -> Pending {
        Pending { entry: self, method: head.method().clone(), path: head.path().into(), answered: false }
    }

    fn is_probe(&self) -> bool {
        self.route.is_some_and(|route| route.kind == RouteKind::Probe)
    }

    /// The key by which repeated lines are summed up: load balancers and pages repeat the same request.
    fn sum_by(&self, status: Option<u16>) -> Option<String> {
        let kind = if self.is_preflight {
            "preflight"
        } else {
            self.route.filter(|_| self.is_probe()).map(|route| self.metrics.pattern(route.index))?
        };
        Some(format!("{kind} {status:?}"))
    }

    /// Writes the line; successful probes and preflights, which no user sends, are not logged.
    pub(crate) fn end(&self, method: &Method, path: &str, status: StatusCode, bytes: Option<u64>) {
        let took = self.started.elapsed();
        self.metrics.answered(self.route.map(|route| route.index), method, status, took);
        if status.is_success() && (self.is_preflight || self.is_probe()) {
            return;
        }
        let ours = status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED;
        let status = status.as_u16();
        let sum_by = self.sum_by(Some(status));
        if ours {
            line!(error, self, sum_by, method, path, took, "request", status, bytes);
        } else {
            line!(info, self, sum_by, method, path, took, "request", status, bytes);
        }
    }
}

impl Pending {
    pub(crate) fn method(&self) -> &Method {
        &self.method
    }

    pub(crate) fn end(mut self, status: StatusCode, bytes: Option<u64>) {
        self.answered = true;
        self.entry.end(&self.method, &self.path, status, bytes);
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.answered {
            let Self { entry, method, path, .. } = self;
            entry.metrics.abandoned();
            let took = entry.started.elapsed();
            let sum_by = entry.sum_by(None);
            line!(info, entry, sum_by, method, path, took, "request without an answer: the client has gone");
        }
    }
}

/// How long the request waited before it arrived: the edge sends its own arrival time, in milliseconds since 1970.
fn queued(head: &Head, client: &Client) -> Option<i64> {
    if !client.vouched {
        return None;
    }
    let Field::One(value) = head.field(&X_REQUEST_START) else {
        return None;
    };
    let since: i64 = value.to_str().ok()?.trim().parse().ok()?;
    // Two clocks: with one ahead of the other the difference is meaningless.
    Timestamp::now().as_millisecond().checked_sub(since).filter(|waited| *waited >= 0)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn waited(vouched: bool, since: &[String]) -> Option<i64> {
        let mut request = Request::builder().uri("/");
        for line in since {
            request = request.header(X_REQUEST_START, line);
        }
        let (head, ()) = Head::split(request.body(()).unwrap());
        queued(&head, &Client { address: "192.0.2.1".parse().unwrap(), vouched })
    }

    #[test]
    fn only_a_trusted_proxy_says_how_long_a_request_has_waited() {
        let ago = |ms: i64| (Timestamp::now().as_millisecond() - ms).to_string();
        assert!(waited(true, &[ago(250)]).is_some_and(|ms| (250..10_000).contains(&ms)));
        assert_eq!(waited(false, &[ago(250)]), None);
        assert_eq!(waited(true, &[]), None);
        assert_eq!(waited(true, &[ago(1), ago(1)]), None);
    }

    #[test]
    fn a_clock_that_is_ahead_or_no_time_says_nothing() {
        let ahead = (Timestamp::now().as_millisecond() + 60_000).to_string();
        for since in
            [ahead.as_str(), "", "t=1", "1.5", "-9223372036854775808", "99999999999999999999", "soon"]
        {
            assert_eq!(waited(true, &[since.to_owned()]), None, "{since}");
        }
    }
}
