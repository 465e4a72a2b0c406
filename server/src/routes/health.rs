//! The deep health check: a real query through the pool, within one budget.

use futures_util::FutureExt as _;
use http::{Method, StatusCode};
use jiff::Timestamp;

use crate::database::ping::Verdict;
use crate::observe::route_label::RouteKind;
use crate::response::reply::Reply;
use crate::response::timestamp;
use crate::routes::context::Context;
use crate::routes::route::{Handler, Route, Served};
use crate::service::Service;

/// More than any answer needs.
const ROOM: usize = 160;

pub(super) const ROUTE: Route = Route {
    path: |profile| profile.health.path.as_str(),
    // All but the service is dropped at once, so that the connection's buffer can be used again.
    methods: &[(
        Method::GET,
        Handler::Async(|Context { service, .. }| async move { Ok(get(&service).await) }.boxed()),
    )],
    served: Served::Always,
    kind: RouteKind::Probe,
    summary: "Whether the service and its database work.",
};

async fn get(service: &Service) -> Reply {
    let (code, status, database) = match service.ping.ask().await {
        Verdict::Connected => (StatusCode::OK, "ok", "connected"),
        Verdict::ReadOnly => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy", "read-only"),
        Verdict::Disconnected => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy", "disconnected"),
    };
    let environment = service.profile.environment.as_str();
    let mut body = String::with_capacity(ROOM);
    // By hand, as it is asked for often: words of ours, in which nothing has to be escaped. Nothing of an error, a
    // host or a statement.
    for part in [
        r#"{"status":""#,
        status,
        r#"","database":""#,
        database,
        r#"","environment":""#,
        environment,
        r#"","timestamp":""#,
    ] {
        body.push_str(part);
    }
    // Of this answer, not of the shared query: a frozen timestamp is how a cached lie looks.
    timestamp::write(Timestamp::now(), &mut body);
    body.push_str("\"}");
    Reply::ready_json(code, body)
}
