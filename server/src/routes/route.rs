//! A route: its path, and how it answers each method.

use futures_util::future::BoxFuture;
use http::Method;
use profiles::{Docs, Profile};

use crate::observe::route_label::RouteKind;
use crate::response::refusal::Refusal;
use crate::response::reply::Reply;
use crate::routes::context::Context;
use crate::service::Service;

/// A path and its methods. GET implies HEAD; OPTIONS is always served.
pub struct Route {
    /// Such as `/api/things/{id}`, or a setting of the profile.
    pub path: fn(&Profile) -> &str,
    pub methods: &'static [(Method, Handler)],
    pub served: Served,
    pub kind: RouteKind,
    /// One sentence for the API's documentation.
    pub summary: &'static str,
}

/// How a route answers a method.
#[derive(Clone, Copy, Debug)]
pub enum Handler {
    /// At once, from the service's own state: it neither reads the request nor waits, so it needs neither a deadline
    /// nor a permit.
    Sync(fn(&Service) -> Reply),
    /// With the whole request, under its deadline.
    Async(AsyncHandler),
}

pub(crate) type AsyncHandler = fn(Context) -> BoxFuture<'static, Result<Reply, Refusal>>;

/// When a route is served. A route that is not served answers like any unknown path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    Always,
    /// Only with `server.docs = "shown"`.
    WithDocs,
}

impl Route {
    /// Whether the route is served.
    pub(crate) fn is_served(&self, profile: &Profile) -> bool {
        match self.served {
            Served::Always => true,
            Served::WithDocs => profile.server.docs == Docs::Shown,
        }
    }
}
