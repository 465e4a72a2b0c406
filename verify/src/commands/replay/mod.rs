//! `verify replay FILE`: a recording judged again, without a network.

mod again;

use std::path::Path;

use jiff::civil::Date;

use super::conclude::conclude;
use super::output::destinations;
use super::subject::{declaration, parse_target, subject};
use super::{Done, RunError};
use crate::judge::plan::Plan;
use crate::model::check::Severity;
use crate::report::recording;
use crate::report::snapshot::Mode;
use crate::reporters::Destination;

pub(super) use again::{Again, again};

pub(super) fn replay(
    file: &Path,
    profile: Option<&str>,
    reports: &[Destination],
    fail_on: Severity,
    today: Date,
) -> Result<Done, RunError> {
    let reports = destinations(reports)?;
    let evidence = recording::read(file)?;
    let declaration = declaration(Some(profile.unwrap_or(&evidence.profile)), today)?;
    let target = parse_target(&evidence.target)?;
    let plan = Plan::of(
        subject(&declaration, target, evidence.expected_release.clone(), evidence.allows, today),
        &evidence.selection,
    )?;
    conclude(&plan, &evidence, Mode::Off, &reports, fail_on, today)
}
