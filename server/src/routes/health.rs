//! The deep health check: a real query through the pool, within one budget.

use futures_util::FutureExt as _;
use http::{Method, StatusCode};
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use profiles::Environment;
use serde::Serialize;

use super::{Handler, Kind, Route, Served};
use crate::context::Context;
use crate::database::ping::Verdict;
use crate::reply::Reply;

/// To the microsecond.
const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(6));

pub(super) const ROUTE: Route = Route {
    path: |profile| profile.health.path.as_str(),
    methods: &[(Method::GET, Handler::Later(|context| get(context).map(Ok).boxed()))],
    served: Served::Always,
    kind: Kind::Probe,
    summary: "Whether the service and its database work.",
};

/// The contract's body: nothing of an error, a host or a statement.
#[derive(Serialize)]
struct Health {
    status: &'static str,
    database: &'static str,
    environment: Environment,
    timestamp: String,
}

async fn get(context: Context) -> Reply {
    let (code, status, database) = match context.service().ping.ask().await {
        Verdict::Connected => (StatusCode::OK, "ok", "connected"),
        Verdict::Disconnected => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy", "disconnected"),
    };
    let environment = context.profile().environment;
    // Of this answer, not of the shared query: a frozen timestamp is how a cached lie looks.
    let mut timestamp = String::with_capacity(27);
    let printed = PRINTER.print_timestamp(&Timestamp::now(), &mut timestamp);
    printed.expect("a string takes all that is written");
    Reply::json(code, &Health { status, database, environment, timestamp })
}
