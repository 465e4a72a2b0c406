//! CORS as a browser decides it, the origins that an attacker could have, and the page that exploits a finding.

pub(crate) mod attack;
pub mod exploit;
pub mod oracle;
