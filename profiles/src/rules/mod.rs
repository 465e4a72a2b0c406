//! Rules between settings: what each setting's own grammar cannot see.

mod cors;
mod deployment;
mod duplicates;
mod families;
mod secrets;
mod server;
mod waivers;

use crate::rule::Facts;
use crate::{Problem, Rule};

/// All rules, in the order of the manual.
pub const RULES: &[&Rule] = &[
    &server::docs::HIDDEN,
    &server::header_limit::READABLE,
    &server::client_ip::TRUSTED,
    &server::metrics::PRIVATE,
    &server::metrics::PORT,
    &server::drain::GRANTED,
    &server::timeouts::NESTED,
    &cors::origins::SOME,
    &cors::origins::SECURE,
    &cors::origins::PUBLIC,
    &cors::previews::NONE,
    &cors::headers::REQUEST,
    &cors::headers::EXPOSED,
    &cors::max_age::HONOURED,
    &server::connections::FIT,
    &secrets::ELSEWHERE,
    &secrets::DATABASE_URL,
    &deployment::url::SECURE,
    &deployment::url::PUBLIC,
    &deployment::release_header::OWN,
    &deployment::edge::HSTS,
    &server::client_ip::LIMITED,
    &families::RUN,
    &waivers::EXPIRED,
    &waivers::KNOWN,
    &duplicates::NONE,
];

/// What the rules find, each problem with the id of its rule.
pub(crate) fn lint(facts: &Facts<'_>) -> Vec<Problem> {
    RULES
        .iter()
        .flat_map(|rule| {
            (rule.find)(facts).into_iter().map(|problem| Problem { rule: Some(rule.id), ..problem })
        })
        .collect()
}
