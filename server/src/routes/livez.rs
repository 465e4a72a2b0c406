//! `/livez`: the process runs. Touches nothing, so that a slow database never restarts the service.

use http::{Method, StatusCode};

use super::{Handler, Kind, Route, Served};
use crate::response::reply::Reply;

pub(super) const ROUTE: Route = Route {
    path: |_| "/livez",
    methods: &[(Method::GET, Handler::Sync(|_| Reply::ready_json(StatusCode::OK, r#"{"status":"ok"}"#)))],
    served: Served::Always,
    kind: Kind::Probe,
    summary: "Whether the process runs.",
};
