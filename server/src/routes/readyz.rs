//! `/readyz`: whether to send requests here. No, as soon as the service is told to end.

use futures_util::FutureExt as _;
use http::{Method, StatusCode};

use super::{Kind, Route, Served};
use crate::context::Context;
use crate::reply::Reply;

pub(super) const ROUTE: Route = Route {
    path: |_| "/readyz",
    methods: &[(Method::GET, |context| std::future::ready(Ok(get(&context))).boxed())],
    served: Served::Always,
    kind: Kind::Probe,
    summary: "Whether the service takes requests.",
};

fn get(context: &Context) -> Reply {
    if context.service().drain.has_begun() {
        Reply::ready_json(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"draining"}"#)
    } else {
        Reply::ready_json(StatusCode::OK, r#"{"status":"ready"}"#)
    }
}
