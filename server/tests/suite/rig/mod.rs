//! Real parts that can be broken: PostgreSQL, PgBouncer, certificates, and the wire between them.

mod authority;
mod bouncer;
mod postgres;
mod wire;

pub(crate) use authority::{Authority, Identity};
pub(crate) use bouncer::Bouncer;
pub(crate) use postgres::{PASSWORD, Postgres, free_port, url};
pub(crate) use wire::{Full, Wire};
