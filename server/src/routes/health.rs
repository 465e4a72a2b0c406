//! The deep health check: a real query through the pool, within one budget.

use std::fmt::Write as _;
use std::sync::Arc;

use futures_util::FutureExt as _;
use http::{Method, StatusCode};
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;

use super::{Handler, Kind, Route, Served};
use crate::context::Context;
use crate::database::ping::Verdict;
use crate::reply::Reply;

/// More than any answer needs.
const ROOM: usize = 160;

/// To the microsecond.
const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(6));

pub(super) const ROUTE: Route = Route {
    path: |profile| profile.health.path.as_str(),
    methods: &[(Method::GET, Handler::Later(|context| get(context).map(Ok).boxed()))],
    served: Served::Always,
    kind: Kind::Probe,
    summary: "Whether the service and its database work.",
};

async fn get(context: Context) -> Reply {
    let service = Arc::clone(&context.service);
    // The request's bytes stand in the connection's buffer, which can be used again before the database has answered.
    drop(context);
    let (code, status, database) = match service.ping.ask().await {
        Verdict::Connected => (StatusCode::OK, "ok", "connected"),
        Verdict::Disconnected => (StatusCode::SERVICE_UNAVAILABLE, "unhealthy", "disconnected"),
    };
    let environment = service.profile.environment.as_str();
    let mut body = String::with_capacity(ROOM);
    // By hand, as it is asked for often: words of ours, in which nothing has to be escaped. Nothing of an error, a host or
    // a statement.
    let _ = write!(
        body,
        r#"{{"status":"{status}","database":"{database}","environment":"{environment}","timestamp":""#
    );
    // Of this answer, not of the shared query: a frozen timestamp is how a cached lie looks.
    PRINTER.print_timestamp(&Timestamp::now(), &mut body).expect("a string takes all that is written");
    body.push_str("\"}");
    Reply::ready_json(code, body)
}
