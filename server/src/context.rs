//! What a handler is given: the request, and the service around it.

use std::sync::Arc;

use bytes::Bytes;
use profiles::Profile;
use tokio::time::Instant;

use crate::database::ping::Ping;
use crate::database::{Database, Until};
use crate::drain::Drain;
use crate::head::Head;
use crate::router::Parameters;
use crate::routes::Route;
use crate::trace::{Parent, Trace, Tracer};

pub struct Context {
    pub(crate) head: Head,
    pub(crate) parameters: Parameters,
    pub(crate) body: Bytes,
    pub(crate) end: Instant,
    pub(crate) number: u64,
    pub(crate) parent: Option<Parent>,
    pub(crate) service: Arc<Service>,
}

/// What lives as long as the service does.
pub(crate) struct Service {
    pub(crate) profile: Profile,
    pub(crate) database: Arc<Database>,
    pub(crate) ping: Ping,
    pub(crate) drain: Drain,
    pub(crate) tracer: Tracer,
    pub(crate) routes: &'static [&'static Route],
}

impl Context {
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// A parameter of the route's path: `id` in `/api/things/{id}`.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| **known == *name).map(|(_, value)| &**value)
    }

    /// The whole body, at most the profile's `server.body_limit`.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    pub fn profile(&self) -> &Profile {
        &self.service.profile
    }

    /// For as long as this request has time.
    pub fn database(&self) -> Until<'_> {
        self.service.database.until(self.end)
    }

    /// The trace that this request belongs to: what to send with requests to other services.
    pub fn trace(&self) -> Trace<'_> {
        self.service.tracer.trace(self.number, self.parent, self.head.headers())
    }

    pub(crate) fn service(&self) -> &Service {
        &self.service
    }
}
