//! One file per idea; a new rule is a `const` in its file and a line here.

mod client_ip;
mod connections;
mod deployment;
mod docs;
mod drain;
mod duplicates;
mod edge;
mod families;
mod header_limit;
mod headers;
mod max_age;
mod metrics;
mod origins;
mod previews;
mod release_header;
mod secrets;
mod timeouts;
mod waivers;

use crate::Rule;

pub(crate) const ALL: &[&Rule] = &[
    &docs::HIDDEN,
    &header_limit::READABLE,
    &client_ip::TRUSTED,
    &metrics::PRIVATE,
    &metrics::PORT,
    &drain::GRANTED,
    &timeouts::NESTED,
    &origins::SOME,
    &origins::SECURE,
    &origins::PUBLIC,
    &previews::NONE,
    &headers::REQUEST,
    &headers::EXPOSED,
    &max_age::HONOURED,
    &connections::FIT,
    &secrets::ELSEWHERE,
    &secrets::DATABASE_URL,
    &deployment::SECURE,
    &deployment::PUBLIC,
    &release_header::OWN,
    &edge::HSTS,
    &client_ip::LIMITED,
    &families::RUN,
    &waivers::EXPIRED,
    &waivers::KNOWN,
    &duplicates::NONE,
];
