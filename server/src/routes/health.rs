//! The deep health check: a real query through the pool, within one budget.

use futures_util::FutureExt as _;
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde::Serialize;

use crate::database::ping::PingResult;
use crate::observe::route_label::RouteKind;
use crate::response::reply::Reply;
use crate::response::timestamp;
use crate::routes::context::Context;
use crate::routes::route::{Handler, Route, Served};
use crate::service::Service;

pub const ROUTE: Route = Route {
    path: |profile| profile.health.path.as_str(),
    // Drop all but the service, so that the connection's buffer can be reused.
    methods: &[(
        Method::GET,
        Handler::Async(|Context { service, .. }| async move { Ok(get(&service).await) }.boxed()),
    )],
    served: Served::Always,
    kind: RouteKind::Probe,
    summary: "Whether the service and its database work.",
};

/// The contract's answer. It reveals no error, host or statement.
#[derive(Serialize)]
struct Health {
    status: &'static str,
    database: &'static str,
    environment: &'static str,
    /// The time of this answer, not of the shared query: otherwise a stale answer would look current.
    timestamp: String,
}

async fn get(service: &Service) -> Reply {
    let (code, status, database) = match service.ping.ask().await {
        PingResult::Connected => (StatusCode::OK, "ok", "connected"),
        PingResult::ReadOnly => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy", "read-only"),
        PingResult::Disconnected => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy", "disconnected"),
    };
    let environment = service.profile.environment.as_str();
    let timestamp = timestamp::rfc3339(Timestamp::now());
    Reply::json(code, &Health { status, database, environment, timestamp })
}
