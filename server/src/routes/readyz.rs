//! `/readyz`: whether to send requests here. It fails from the first signal to stop.

use http::{Method, StatusCode};

use crate::observe::route_label::RouteKind;
use crate::response::reply::Reply;
use crate::routes::route::{Handler, Route, Served};
use crate::service::Service;
use crate::service::drain::Stage;

pub(super) const ROUTE: Route = Route {
    path: |_| "/readyz",
    methods: &[(Method::GET, Handler::Sync(get))],
    served: Served::Always,
    kind: RouteKind::Probe,
    summary: "Whether the service takes requests.",
};

fn get(service: &Service) -> Reply {
    match service.drain.stage() {
        Stage::Serving => Reply::ready_json(StatusCode::OK, r#"{"status":"ready"}"#),
        Stage::LameDuck | Stage::Draining => {
            Reply::ready_json(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"draining"}"#)
        }
    }
}
