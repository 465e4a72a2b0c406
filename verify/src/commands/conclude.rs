//! The end of a run, the same for a live target, a candidate and a recording: judge, compare, report.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use profiles::Declaration;

use super::output::write;
use super::subject::root;
use super::{Done, RunError};
use crate::judge::plan::Plan;
use crate::judge::responder::ReleaseMark;
use crate::judge::{judge, obstacle};
use crate::model::check::{Needs, Severity, judgeable};
use crate::model::evidence::Evidence;
use crate::model::exchange::Exchange;
use crate::model::redact::shown;
use crate::report::Report;
use crate::report::observed::observed;
use crate::report::snapshot::{self, Mode};
use crate::reporters::Destination;

/// The pure end of a run, the same for a live target and a recording.
pub(super) fn conclude(
    plan: &Plan<'_>,
    evidence: &Evidence,
    snapshots: Mode,
    reports: &[Destination],
    fail_on: Severity,
    today: Date,
) -> Result<Done, RunError> {
    let declaration = plan.subject.declaration;
    let mut report = Report::new(declaration, judge(plan, evidence), today).of_run(evidence);
    report.fail_on = fail_on;
    report.obstacle = obstacle(plan, evidence).filter(|_| plan.subject.allows != Needs::Drill);
    if report.obstacle.is_none() {
        report.observed = observed(plan, evidence);
    }
    if snapshots != Mode::Off && plan.selection.is_everything() {
        let mut usual = evidence.exchanges.iter().filter(|(probe, _)| probe.request.means.is_client());
        let mark = ReleaseMark::of(plan, evidence);
        let unknown = |exchange: &Exchange| {
            let gateway = || Some(mark.as_ref()?.gateways(exchange)?.to_string());
            judgeable(exchange).err().or_else(gateway)
        };
        match usual.find_map(|(_, exchange)| unknown(exchange)) {
            // A snapshot of half an answer would be reviewed as if it were the whole.
            Some(_) if report.obstacle.is_some() => {}
            Some(why) => report.warnings.push(format!("snapshots were not compared: {}", shown(&why))),
            None => {
                report.snapshots = snapshot::hold(&snapshot_folder(declaration), &report.observed, snapshots);
            }
        }
    }
    for destination in reports {
        write(destination, &(destination.reporter.render)(&report))?;
    }
    Ok(Done::Judged(report.outcome()))
}

/// `verify/snapshots/<profile>` for embedded profiles, where `cargo insta` looks; else beside the profile.
fn snapshot_folder(declaration: &Declaration) -> PathBuf {
    if declaration.embedded {
        return root(declaration).join("verify/snapshots").join(&declaration.name);
    }
    let folder = Path::new(declaration.source.file()).parent().unwrap_or(Path::new("."));
    folder.join("snapshots").join(&declaration.name)
}
