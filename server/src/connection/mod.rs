//! Connections: who is let in, how long each may take, how it is served, and how all of them end.

pub(crate) mod http1;
pub mod listener;
pub(crate) mod places;
pub(crate) mod scrape;
pub(crate) mod serve;
pub(crate) mod socket;
