//! Rules between settings: what each setting's own grammar cannot see.

mod cors;
mod deployment;
mod duplicates;
mod families;
pub(crate) mod rule;
mod secrets;
mod server;
mod waivers;

pub use rule::{RULES, Rule};

use cors::{headers, max_age, origins, previews};
use deployment::{edge, release_header, url};
use server::{client_ip, connections, docs, drain, header_limit, metrics, timeouts};

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
    &url::SECURE,
    &url::PUBLIC,
    &release_header::OWN,
    &edge::HSTS,
    &client_ip::LIMITED,
    &families::RUN,
    &waivers::EXPIRED,
    &waivers::KNOWN,
    &duplicates::NONE,
];
