//! The state that lives as long as the service, the stage of its shutdown, and its metrics as text.

pub(crate) mod drain;
pub(crate) mod exposition;

use std::sync::Arc;

use bytes::Bytes;
use profiles::Profile;

use crate::database::Database;
use crate::database::ping::Ping;
use crate::observe::metrics::Metrics;
use crate::service::drain::Drain;

/// Shared by all connections and visible to every handler.
pub struct Service {
    pub(crate) profile: Profile,
    pub(crate) database: Arc<Database>,
    pub(crate) ping: Ping,
    pub(crate) drain: Drain,
    pub(crate) metrics: Arc<Metrics>,
    /// The OpenAPI document; empty where the profile hides it.
    pub(crate) document: Bytes,
}
