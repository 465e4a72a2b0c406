//! The fault proxy with a real PostgreSQL: its counts, and the effect of every fault.
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
