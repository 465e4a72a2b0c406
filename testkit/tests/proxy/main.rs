//! The fault proxy before a real PostgreSQL: what it counts, and that every fault is what it says.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test sets itself up, and says where it cannot; statements with names are what is counted"
)]

mod answers;
mod counting;
mod network;
mod support;
mod tls;
