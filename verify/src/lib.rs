//! Proves that a live backend keeps the promises of its profile.
//!
//! Five stages: load, plan, probe, judge, report. Only `prober`, `launch`, `snapshot` and `tape` touch the
//! world outside, and `run`, which composes them; everything else is a function of data.

pub mod asvs;
pub(crate) mod attack;
pub mod check;
pub mod checks;
pub mod cli;
pub mod drill;
pub mod example;
pub mod exchange;
pub mod init;
pub mod judge;
pub mod launch;
pub mod layer;
pub mod observed;
pub mod oracle;
pub mod plan;
pub mod port;
pub mod probe;
pub mod prober;
mod redact;
pub mod reference;
pub mod report;
pub mod reporters;
mod reproduce;
pub mod rig;
pub mod run;
pub mod snapshot;
pub mod tape;
pub mod witness;
