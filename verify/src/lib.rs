//! Proves that a live backend keeps the promises of its profile.
//!
//! Five stages: load, plan, probe, judge, report. Only `prober`, `launch`, `drill_runner`, two files of `report`, and
//! `commands`, which composes the stages, do I/O; everything else is a function of data.

pub mod checks;
pub mod cli;
pub mod commands;
pub mod cors;
pub mod drill_runner;
pub mod init;
pub mod judge;
pub mod launch;
pub mod model;
pub mod prober;
pub mod report;
pub mod reporters;
