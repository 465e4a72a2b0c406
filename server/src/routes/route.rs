//! What a route is: its path, and how it answers each method.

use futures_util::future::BoxFuture;
use http::Method;
use profiles::{Docs, Profile};

use crate::observe::route_label::RouteKind;
use crate::response::refusal::Refusal;
use crate::response::reply::Reply;
use crate::routes::context::Context;
use crate::service::Service;

/// One path and what it serves. HEAD comes with GET, and OPTIONS with everything.
pub struct Route {
    /// Such as `/api/things/{id}`; a path may also come from the profile.
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
    /// At once, from the service's own state: it reads nothing of the request and waits for nothing, so it needs
    /// neither a deadline nor a place among the requests that are handled.
    Sync(fn(&Service) -> Reply),
    /// With the whole request, under its deadline.
    Async(AsyncHandler),
}

pub(crate) type AsyncHandler = fn(Context) -> BoxFuture<'static, Result<Reply, Refusal>>;

/// Where a route exists. Elsewhere its path is as unknown as any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    Always,
    /// Only with `server.docs = "shown"`.
    WithDocs,
}

impl Route {
    /// A route that is not served is as unknown as any other path.
    pub(crate) fn is_served(&self, profile: &Profile) -> bool {
        match self.served {
            Served::Always => true,
            Served::WithDocs => profile.server.docs == Docs::Shown,
        }
    }
}
