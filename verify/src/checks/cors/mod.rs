//! Who may read responses, and who may not, decided as a browser would.

mod bare;
mod cache;
mod grant;
mod hostile;
mod outage;
mod preflight;
mod preflight_login;
mod preflight_rate;
mod preflight_syntax;
mod reject;
mod shape;
mod simple;
mod vary;

use crate::check::Check;

pub(super) const CHECKS: &[&Check] = &[
    &grant::ALLOWS_DECLARED_ORIGIN,
    &grant::CREDENTIALS_AS_DECLARED,
    &grant::EXPOSE_HEADERS_AS_DECLARED,
    &grant::ERRORS_KEEP_GRANT,
    &outage::CHECK,
    &simple::CHECK,
    &shape::NO_WILDCARD,
    &shape::SINGLE_HEADER,
    &bare::NO_ORIGIN_NO_GRANT,
    &bare::DENIED_IS_BARE,
    &vary::CHECK,
    &cache::CHECK,
    &reject::REFLECTED,
    &reject::NULL,
    &reject::PREFIX,
    &reject::SUFFIX,
    &reject::SUBSTRING,
    &reject::UNESCAPED_DOT,
    &reject::SUBDOMAIN,
    &reject::PARENT_AND_SIBLING,
    &reject::HTTP_DOWNGRADE,
    &reject::OTHER_PORT,
    &reject::NON_CANONICAL,
    &reject::SPECIAL_CHARACTERS,
    &reject::LOCALHOST,
    &reject::OTHER_PROFILE,
    &reject::ALIEN_SCHEME,
    &hostile::LIST_AND_DUPLICATES,
    &hostile::HOSTILE_BYTES,
    &preflight::ALLOWS_DECLARED,
    &preflight::OK_STATUS,
    &preflight_login::NEEDS_NO_AUTH,
    &preflight::REJECTS_ORIGIN,
    &preflight::REJECTS_METHOD,
    &preflight::REJECTS_HEADER,
    &preflight_login::AUTHORIZATION_EXPLICIT,
    &preflight_syntax::MAX_AGE_AS_DECLARED,
    &preflight_syntax::TOLERATES_LIST_SYNTAX,
    &preflight_syntax::PLAIN_OPTIONS_IS_NOT_PREFLIGHT,
    &preflight_rate::CHECK,
];
