//! Certificates, protocol versions, and requests without TLS.

mod certificate;
mod database;
mod hsts;
mod plain;
mod version;

use profiles::Scheme;

use crate::model::check::{Ask, Check, Subject};

pub(super) const CHECKS: &[&Check] = &[
    &version::CHECK,
    &certificate::CHECK,
    &plain::POLICY,
    &plain::METHOD_KEPT,
    &hsts::CHECK,
    &database::CHECK,
];

/// The questions, unless the target has no TLS.
fn over_tls(subject: &Subject<'_>, ask: impl FnOnce() -> Ask) -> Ask {
    match subject.target.scheme() {
        Scheme::Https => ask(),
        Scheme::Http => Ask::skip("the target is plain http"),
    }
}
