//! CORS as a browser decides it, the origins that an attacker could have, and the page that would do harm.

pub(crate) mod attack;
pub mod exploit;
pub mod oracle;
