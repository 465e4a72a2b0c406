//! Which origins may read responses, decided as a browser decides.

mod bare;
mod cache;
mod grant;
mod hostile;
mod outage;
mod preflight;
mod reject;
mod shape;
mod simple;
mod vary;

use crate::model::check::Check;

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
    &preflight::login::NEEDS_NO_AUTH,
    &preflight::REJECTS_ORIGIN,
    &preflight::REJECTS_METHOD,
    &preflight::REJECTS_HEADER,
    &preflight::login::AUTHORIZATION_EXPLICIT,
    &preflight::syntax::MAX_AGE_AS_DECLARED,
    &preflight::syntax::TOLERATES_LIST_SYNTAX,
    &preflight::syntax::PLAIN_OPTIONS_IS_NOT_PREFLIGHT,
    &preflight::rate::CHECK,
];
