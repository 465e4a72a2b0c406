//! SARIF 2.1.0, for code scanning: each broken promise on the line of the profile that makes it.
//!
//! An inconclusive check is a notification, not a result: code scanning shows a result of any `kind` as an alert.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::{Reporter, observations};
use crate::model::check::Severity;
use crate::report::{Finding, Report, Status};

pub(super) const REPORTER: Reporter =
    Reporter { name: "sarif", about: "SARIF 2.1.0 for code scanning", render };

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool,
    automation_details: AutomationDetails,
    invocations: [Invocation<'a>; 1],
    column_kind: &'static str,
    results: Vec<ResultOf<'a>>,
}

/// Each profile is an analysis of its own: its alerts must not close those of another profile.
#[derive(Serialize)]
struct AutomationDetails {
    id: String,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: &'static str,
    short_description: Text<'static>,
    full_description: Text<'static>,
    help: Text<'static>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help_uri: Option<&'static str>,
    default_configuration: Configuration,
    properties: RuleProperties,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct RuleProperties {
    tags: Vec<&'static str>,
    #[serde(rename = "security-severity")]
    security_severity: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation<'a> {
    execution_successful: bool,
    tool_execution_notifications: Vec<Notification<'a>>,
    properties: BTreeMap<&'static str, &'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Notification<'a> {
    level: &'static str,
    message: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    associated_rule: Option<RuleReference>,
}

#[derive(Serialize)]
struct RuleReference {
    id: &'static str,
    index: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultOf<'a> {
    rule_id: &'static str,
    rule_index: usize,
    kind: &'static str,
    level: &'static str,
    message: Text<'a>,
    locations: [Location; 1],
    partial_fingerprints: BTreeMap<&'static str, String>,
    suppressions: Vec<Suppression>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    properties: BTreeMap<&'static str, &'static str>,
}

#[derive(Serialize)]
struct Suppression {
    kind: &'static str,
    status: &'static str,
    justification: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

#[derive(Serialize)]
struct Text<'a> {
    text: std::borrow::Cow<'a, str>,
}

impl<'a> Text<'a> {
    fn of(text: impl Into<std::borrow::Cow<'a, str>>) -> Self {
        Self { text: text.into() }
    }
}

fn render(report: &Report<'_>) -> String {
    let findings = || report.findings.iter().enumerate();
    let results = findings()
        .filter(|(_, finding)| matches!(finding.status, Status::Fail | Status::Waived))
        .map(|(index, finding)| result(index, finding, report));
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "verify",
                    semantic_version: env!("CARGO_PKG_VERSION"),
                    rules: report.findings.iter().map(rule).collect(),
                },
            },
            automation_details: AutomationDetails { id: format!("verify/{}/", report.declaration.name) },
            invocations: [Invocation {
                execution_successful: report.obstacle.is_none(),
                tool_execution_notifications: notifications(report),
                properties: BTreeMap::from([
                    ("profile", report.declaration.name.as_str()),
                    ("target", report.target.as_str()),
                    ("outcome", report.outcome().as_str()),
                ]),
            }],
            column_kind: "unicodeCodePoints",
            results: results.collect(),
        }],
    };
    let mut text = serde_json::to_string_pretty(&log).expect("the report is plain data");
    text.push('\n');
    text
}

fn rule(finding: &Finding) -> Rule {
    let check = finding.check;
    let family = check.id.split('.').next().unwrap_or_default();
    Rule {
        id: check.id,
        short_description: Text::of(check.rule),
        full_description: Text::of(format!("{} {}", check.rule, check.rationale)),
        help: Text::of(check.remedy),
        help_uri: check.references.first().copied(),
        default_configuration: Configuration { level: level(check.severity) },
        properties: RuleProperties {
            tags: ["security", family].into_iter().chain(check.requirements.iter().copied()).collect(),
            // The middle of what code scanning calls high, medium and low.
            security_severity: match check.severity {
                Severity::High => "8.0",
                Severity::Medium => "5.5",
                Severity::Low => "2.0",
            },
        },
    }
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}

fn notifications<'a>(report: &'a Report<'_>) -> Vec<Notification<'a>> {
    let obstacle = report.obstacle.iter().map(|why| Notification {
        level: "error",
        message: Text::of(inert(why)),
        associated_rule: None,
    });
    let unjudged = report
        .findings
        .iter()
        .enumerate()
        .filter(|(_, finding)| finding.status == Status::Inconclusive && report.obstacle.is_none())
        .map(|(index, finding)| Notification {
            level: "warning",
            message: Text::of(format!(
                "{} is inconclusive: {}",
                finding.check.id,
                inert(&finding.observed.join("\n"))
            )),
            associated_rule: Some(RuleReference { id: finding.check.id, index }),
        });
    obstacle.chain(unjudged).collect()
}

fn result<'a>(index: usize, finding: &Finding, report: &Report<'_>) -> ResultOf<'a> {
    let check = finding.check;
    let mut message = format!(
        "{}\n{}\nThe profile says: {}",
        check.rule,
        observations(finding).join("\n"),
        finding.expected(report.declaration)
    );
    if let Some(again) = report.again(finding) {
        message.push_str("\nTo see it again: ");
        message.push_str(&again);
    }
    let location = &finding.location;
    ResultOf {
        rule_id: check.id,
        rule_index: index,
        kind: "fail",
        level: level(check.severity),
        message: Text::of(inert(&message)),
        locations: [Location {
            physical_location: PhysicalLocation {
                artifact_location: ArtifactLocation { uri: uri(&location.file) },
                region: Region {
                    start_line: location.line,
                    start_column: location.column,
                    end_line: location.line,
                    end_column: finding.end_column(report.declaration),
                },
            },
        }],
        // Without the line and the observation: the same broken promise is the same alert in the next run.
        partial_fingerprints: BTreeMap::from([(
            "checkAndPromise/v1",
            format!("{} {}", check.id, finding.promise),
        )]),
        suppressions: finding
            .waiver
            .iter()
            .map(|(why, expires)| Suppression {
                kind: "external",
                status: "accepted",
                justification: format!("{why} (until {expires})"),
            })
            .collect(),
        properties: finding.responder.map(|responder| ("layer", responder.as_str())).into_iter().collect(),
    }
}

/// Text without links: SARIF reads `[text](address)` in every message.
fn inert(text: &str) -> String {
    text.replace("](", "] (")
}

/// A path as a URI: relative to the repository, as the profile was named.
fn uri(file: &str) -> String {
    const IN_A_PATH: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    let file = file.strip_prefix("./").unwrap_or(file).replace('\\', "/");
    let encoded = utf8_percent_encode(&file, IN_A_PATH).to_string();
    if encoded.starts_with('/') { format!("file://{encoded}") } else { encoded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_relative_uri() {
        assert_eq!(uri("profiles/production.toml"), "profiles/production.toml");
        assert_eq!(uri("./my profiles/a:b.toml"), "my%20profiles/a%3Ab.toml");
        assert_eq!(uri("/etc/p.toml"), "file:///etc/p.toml");
    }
}
