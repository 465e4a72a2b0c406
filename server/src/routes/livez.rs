//! `/livez`: the process runs. Touches nothing, so that a slow database never restarts the service.

use futures_util::FutureExt as _;
use http::{Method, StatusCode};

use super::{Kind, Route, Served};
use crate::reply::Reply;

pub(super) const ROUTE: Route = Route {
    path: |_| "/livez",
    methods: &[(Method::GET, |_| {
        std::future::ready(Ok(Reply::ready_json(StatusCode::OK, r#"{"status":"ok"}"#))).boxed()
    })],
    served: Served::Always,
    kind: Kind::Probe,
    summary: "Whether the process runs.",
};
