//! JUnit XML, as CI servers show it: a suite a family, a test case a check.

use std::fmt::Write as _;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};

use super::{Reporter, families, observations};
use crate::report::{Finding, Report, Status};

pub(super) const REPORTER: Reporter =
    Reporter { name: "junit", about: "XML for the test page of a CI server", render };

fn render(report: &Report<'_>) -> String {
    let mut junit = quick_junit::Report::new("verify");
    junit.set_time(Duration::from_millis(report.duration_ms));
    for (family, findings) in families(report) {
        let mut suite = TestSuite::new(family);
        suite.add_properties([
            Property::new("profile", &report.declaration.name),
            Property::new("target", &report.target),
            Property::new("outcome", report.outcome().as_str()),
        ]);
        suite.add_test_cases(findings.into_iter().map(|finding| test_case(finding, report)));
        junit.add_test_suite(suite);
    }
    junit.to_string().expect("text in memory can be written")
}

fn test_case(finding: &Finding, report: &Report<'_>) -> TestCase {
    let reason = finding.observed.first().map(String::as_str).unwrap_or_default();
    let mut status = match finding.status {
        Status::Pass => TestCaseStatus::success(),
        Status::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Status::Inconclusive => TestCaseStatus::non_success(NonSuccessKind::Error),
        Status::NotApplicable | Status::Waived => TestCaseStatus::skipped(),
    };
    match (finding.status, &finding.waiver) {
        (Status::Pass, _) => {}
        (Status::Fail, _) => {
            status.set_message(reason);
            status.set_type(finding.check.severity.as_str());
            status.set_description(description(finding, report));
        }
        (Status::Waived, Some((why, expires))) => {
            status.set_message(format!("waived until {expires}: {why}"));
            status.set_description(description(finding, report));
        }
        _ => {
            status.set_message(reason);
        }
    }
    let family = finding.check.id.split('.').next().unwrap_or_default();
    let mut case = TestCase::new(finding.check.id, status);
    case.set_classname(format!("verify.{}.{family}", report.declaration.name));
    case.extra.insert("file".into(), finding.location.file.as_str().into());
    case.extra.insert("line".into(), finding.location.line.to_string().into());
    case
}

fn description(finding: &Finding, report: &Report<'_>) -> String {
    let mut text = format!("{}\n", finding.check.rule);
    for observed in observations(finding) {
        let _ = writeln!(text, "observed: {observed}");
    }
    let location = &finding.location;
    let _ = writeln!(
        text,
        "promised: {} ({}:{}:{})",
        finding.expected(report.declaration),
        location.file,
        location.line,
        location.column
    );
    let _ = writeln!(text, "fix: {}", finding.check.remedy);
    if let Some(again) = report.again(finding) {
        let _ = writeln!(text, "again: {again}");
    }
    text
}
