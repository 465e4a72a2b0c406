//! The report for machines, version 1: structs of its own, so that no internal change alters the format.

use serde::Serialize;

use super::Reporter;
use crate::judge::responder::Responder;
use crate::model::check::Severity;
use crate::report::{Finding, Report, Status};

pub(super) const REPORTER: Reporter =
    Reporter { name: "json", about: "plumbline-report/1, for machines", render };

#[derive(Serialize)]
struct ReportV1<'a> {
    schema: &'static str,
    profile: &'a str,
    target: &'a str,
    outcome: &'static str,
    /// Absent when every failure fails the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    fail_on: Option<&'static str>,
    duration_ms: u64,
    requests: u64,
    summary: SummaryV1,
    findings: Vec<FindingV1<'a>>,
    snapshots: SnapshotsV1<'a>,
    warnings: &'a [String],
    /// A line per phase of each drill; absent where none was run.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    drills: &'a [Vec<String>],
}

#[derive(Serialize)]
struct SummaryV1 {
    pass: usize,
    fail: usize,
    inconclusive: usize,
    not_applicable: usize,
    waived: usize,
}

#[derive(Serialize)]
struct FindingV1<'a> {
    id: &'static str,
    status: &'static str,
    severity: &'static str,
    rule: &'static str,
    expected: String,
    observed: String,
    remedy: &'static str,
    profile_location: LocationV1<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reproduce: Option<String>,
    /// `app` or `edge`: the responder of a failure's answer, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<&'static str>,
    references: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    waiver: Option<WaiverV1<'a>>,
}

#[derive(Serialize)]
struct LocationV1<'a> {
    file: &'a str,
    line: usize,
    column: usize,
}

#[derive(Serialize)]
struct WaiverV1<'a> {
    reason: &'a str,
    expires: String,
}

#[derive(Serialize)]
struct SnapshotsV1<'a> {
    unchanged: usize,
    drifted: Vec<&'a str>,
    unseen: &'a [String],
}

fn render(report: &Report<'_>) -> String {
    let snapshots = &report.snapshots;
    let report = ReportV1 {
        schema: "plumbline-report/1",
        profile: &report.declaration.name,
        target: &report.target,
        outcome: report.outcome().as_str(),
        fail_on: (report.fail_on > Severity::Low).then(|| report.fail_on.as_str()),
        duration_ms: report.duration_ms,
        requests: report.requests,
        summary: SummaryV1 {
            pass: report.count(Status::Pass),
            fail: report.count(Status::Fail),
            inconclusive: report.count(Status::Inconclusive),
            not_applicable: report.count(Status::NotApplicable),
            waived: report.count(Status::Waived),
        },
        findings: report.findings.iter().map(|finding| finding_v1(finding, report)).collect(),
        snapshots: SnapshotsV1 {
            unchanged: snapshots.unchanged.len(),
            drifted: snapshots.drifted.iter().map(|drift| drift.name.as_str()).collect(),
            unseen: &snapshots.unseen,
        },
        warnings: &report.warnings,
        drills: &report.drills,
    };
    let mut text = serde_json::to_string_pretty(&report).expect("the report is plain data");
    text.push('\n');
    text
}

fn finding_v1<'a>(finding: &'a Finding, report: &Report<'_>) -> FindingV1<'a> {
    FindingV1 {
        id: finding.check.id,
        status: finding.status.as_str(),
        severity: finding.check.severity.as_str(),
        rule: finding.check.rule,
        expected: finding.expected(report.declaration),
        observed: finding.observed.join("\n"),
        remedy: finding.check.remedy,
        profile_location: LocationV1 {
            file: &finding.location.file,
            line: finding.location.line,
            column: finding.location.column,
        },
        reproduce: report.again(finding),
        layer: finding.responder.map(Responder::as_str),
        references: finding.check.references,
        waiver: finding
            .waiver
            .as_ref()
            .map(|(reason, expires)| WaiverV1 { reason, expires: expires.to_string() }),
    }
}
