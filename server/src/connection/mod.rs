//! Connections: accepting them, their deadlines, serving them, and ending all of them.

pub(crate) mod http1;
pub mod listener;
pub(crate) mod places;
pub(crate) mod scrape;
pub(crate) mod serve;
pub(crate) mod socket;
