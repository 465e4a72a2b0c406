//! Reports for people and for machines. A new reporter is a file and a line in the table.
//!
//! Every reporter is a function of the report alone: the same evidence gives the same bytes.

mod github;
mod html;
mod human;
mod json;
mod junit;
mod markdown;
mod sarif;

use std::str::FromStr;

use crate::judge::responder::Responder;
use crate::model::check::{FAMILIES, Severity};
use crate::report::{Finding, Outcome, Report, Status};

/// A reporter renders the whole report as text; the caller writes it.
pub struct Reporter {
    pub name: &'static str,
    pub about: &'static str,
    pub render: fn(&Report<'_>) -> String,
}

/// The first is the default.
pub const REPORTERS: &[&Reporter] = &[
    &human::REPORTER,
    &json::REPORTER,
    &html::REPORTER,
    &markdown::REPORTER,
    &github::REPORTER,
    &junit::REPORTER,
    &sarif::REPORTER,
];

/// `--report FORMAT[=PATH]`.
#[derive(Clone)]
pub struct Destination {
    pub reporter: &'static Reporter,
    /// Standard output when absent.
    pub path: Option<std::path::PathBuf>,
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = text.split_once('=').map_or((text, None), |(name, path)| (name, Some(path)));
        let reporter = REPORTERS
            .iter()
            .find(|reporter| reporter.name == name)
            .ok_or_else(|| format!("`{name}` is not a report format; choose {}", known(" or ")))?;
        if path.is_some_and(str::is_empty) {
            return Err(format!("`{text}` names no file after the `=`"));
        }
        Ok(Self { reporter, path: path.map(Into::into) })
    }
}

/// The help of `--report`.
pub(crate) fn help() -> String {
    format!("The format of a report, and after `=` its file, else standard output. Formats: {}", known(", "))
}

fn known(separator: &str) -> String {
    let known: Vec<String> =
        REPORTERS.iter().map(|reporter| format!("{} ({})", reporter.name, reporter.about)).collect();
    known.join(separator)
}

/// The number of observations of one finding in reports for people; the JSON report has all.
const SHOWN: usize = 4;

/// The first observations, enough to see the pattern.
fn observations(finding: &Finding) -> Vec<String> {
    let mut shown: Vec<String> = finding.observed.iter().take(SHOWN).cloned().collect();
    if finding.observed.len() > SHOWN {
        shown.push(format!("and {} more like these", finding.observed.len() - SHOWN));
    }
    shown
}

/// The responder of a failure's answer, and how it is known.
fn responder(finding: &Finding, report: &Report<'_>) -> Option<String> {
    let deployment = &report.declaration.profile.deployment;
    let header = deployment.release_header.as_str();
    Some(match finding.responder? {
        Responder::App => format!("the service: its answer has {header}"),
        Responder::Edge => {
            format!(
                "an edge or proxy in front of the service: other answers have {header}, this one does not"
            )
        }
    })
}

/// The findings by family, without empty families.
fn families<'a>(report: &'a Report<'_>) -> impl Iterator<Item = (&'static str, Vec<&'a Finding>)> {
    FAMILIES.iter().filter_map(|(family, _)| {
        let findings: Vec<&Finding> =
            report.findings.iter().filter(|finding| finding.check.is_within(family)).collect();
        (!findings.is_empty()).then_some((*family, findings))
    })
}

/// Failures, the most severe first, else in the catalogue's order.
fn failures<'a>(report: &'a Report<'_>) -> Vec<&'a Finding> {
    let mut failures: Vec<&Finding> = report.with(Status::Fail).collect();
    failures.sort_by_key(|finding| std::cmp::Reverse(finding.check.severity));
    failures
}

/// The outcome of the run, in a sentence.
fn verdict(report: &Report<'_>) -> String {
    let tolerant = || format!("no promise of severity {} or above is broken", report.fail_on.as_str());
    match (report.outcome(), report.tolerated()) {
        (Outcome::Fail, _) => "a promise is broken".to_owned(),
        (Outcome::Inconclusive, _) => "inconclusive: not every promise could be judged".to_owned(),
        (Outcome::Pass, 0) => "proven: every promise was kept".to_owned(),
        (Outcome::Pass, _) => tolerant(),
        (Outcome::Drift, 0) => "promises kept, but behaviour differs from the reviewed one".to_owned(),
        (Outcome::Drift, _) => format!("{}, but behaviour differs from the reviewed one", tolerant()),
    }
}

/// The number of checks by status, and of snapshots.
fn tally(report: &Report<'_>) -> String {
    let below = match (report.fail_on, report.tolerated()) {
        (Severity::Low, _) => String::new(),
        (least, below) => format!(" ({below} below --fail-on {})", least.as_str()),
    };
    let snapshots = &report.snapshots;
    let (unchanged, drifted, unseen) =
        (snapshots.unchanged.len(), snapshots.drifted.len(), snapshots.unseen.len());
    let snapshots = match unchanged + drifted + unseen {
        0 => "no snapshots compared".to_owned(),
        _ => format!("snapshots {unchanged} unchanged, {drifted} drifted, {unseen} unseen"),
    };
    format!(
        "{} passed · {} failed{below} · {} inconclusive · {} n/a · {} waived · {snapshots}",
        report.count(Status::Pass),
        report.count(Status::Fail),
        report.count(Status::Inconclusive),
        report.count(Status::NotApplicable),
        report.count(Status::Waived),
    )
}

/// A sentence as escaped HTML; text in backticks is code.
fn prose(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let parts = escaped.split('`').enumerate();
    parts
        .map(|(index, part)| if index % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() })
        .collect()
}
