//! The table of routes. A new one is a file beside this, and two lines here.

pub(crate) mod context;
mod docs;
mod health;
mod livez;
mod openapi;
mod readyz;
pub(crate) mod router;

use futures_util::future::BoxFuture;
use http::Method;
use profiles::Profile;

use crate::response::refusal::Refusal;
use crate::response::reply::Reply;
use crate::routes::context::{Context, Service};

pub const ROUTES: &[&Route] =
    &[&health::ROUTE, &livez::ROUTE, &readyz::ROUTE, &docs::PAGE, &docs::FILE, &openapi::ROUTE];

/// One path and what it serves. HEAD comes with GET, and OPTIONS with everything.
pub struct Route {
    /// Such as `/api/things/{id}`; a path may also come from the profile.
    pub path: fn(&Profile) -> &str,
    pub methods: &'static [(Method, Handler)],
    pub served: Served,
    pub kind: Kind,
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

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Api,
    /// Machines, every few seconds: a success is not worth a line in the log.
    Probe,
}
