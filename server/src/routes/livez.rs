//! `/livez`: the process runs. It uses no database, so that a slow one never restarts the service.

use http::{Method, StatusCode};

use crate::observe::route_label::RouteKind;
use crate::response::reply::Reply;
use crate::routes::route::{Handler, Route, Served};

pub const ROUTE: Route = Route {
    path: |_| "/livez",
    methods: &[(Method::GET, Handler::Sync(|_| Reply::ready_json(StatusCode::OK, r#"{"status":"ok"}"#)))],
    served: Served::Always,
    kind: RouteKind::Probe,
    summary: "Whether the process runs.",
};
