//! A request before any decision: its head, its framing, its path, its client, its id and its trace.

pub(crate) mod client;
pub(crate) mod framing;
pub(crate) mod head;
pub(crate) mod path;
pub(crate) mod request_id;
pub(crate) mod trace;
