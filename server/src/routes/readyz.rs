//! `/readyz`: whether to send requests here. No, as soon as the service is told to end.

use http::{Method, StatusCode};

use super::{Handler, Kind, Route, Served};
use crate::response::reply::Reply;
use crate::routes::context::Service;

pub(super) const ROUTE: Route = Route {
    path: |_| "/readyz",
    methods: &[(Method::GET, Handler::Sync(get))],
    served: Served::Always,
    kind: Kind::Probe,
    summary: "Whether the service takes requests.",
};

fn get(service: &Service) -> Reply {
    if service.drain.has_begun() {
        Reply::ready_json(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"draining"}"#)
    } else {
        Reply::ready_json(StatusCode::OK, r#"{"status":"ready"}"#)
    }
}
