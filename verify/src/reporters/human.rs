//! The report for people: a ledger of every check, then each finding in full.
//!
//! It is always written with colour; the destination decides whether the colour is kept.

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Element, Level, Renderer, Snippet};
use anstyle::{AnsiColor, Style};

use super::{Reporter, families, observations, responder, tally, verdict};
use crate::report::observed::Drift;
use crate::report::{Finding, Outcome, Report, Status};

pub(super) const REPORTER: Reporter =
    Reporter { name: "human", about: "a ledger and the findings in full, for people", render };

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const UNSURE: Style = AnsiColor::Yellow.on_default().bold();
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

fn render(report: &Report<'_>) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{BOLD}verify{BOLD:#} · profile {BOLD}{}{BOLD:#} · {}",
        report.declaration.name, report.target
    );
    let _ = writeln!(
        text,
        "{DIM}{} checks, {} requests, {} ms{DIM:#}\n",
        report.findings.len(),
        report.requests,
        report.duration_ms
    );
    text.push_str(&ledger(report));
    for finding in report.with(Status::Fail) {
        text.push('\n');
        text.push_str(&failure(finding, report));
    }
    text.push_str(&drills(report));
    text.push_str(&remarks(report));
    text.push_str(&snapshots(report));
    text.push_str(&closing(report));
    text
}

/// One line a family: a mark for each check, and the number of passed checks of those that apply.
fn ledger(report: &Report<'_>) -> String {
    let mut text = String::new();
    for (family, findings) in families(report) {
        let marks: String = findings.iter().map(|finding| mark(finding.status)).collect();
        let passed = findings.iter().filter(|finding| finding.status == Status::Pass).count();
        let applicable = findings.iter().filter(|finding| finding.status != Status::NotApplicable).count();
        let _ = writeln!(text, "{family:9} {marks}  {passed}/{applicable}");
    }
    text
}

fn mark(status: Status) -> String {
    let (style, mark) = match status {
        Status::Pass => (GOOD, '●'),
        Status::Fail => (BAD, '✗'),
        Status::Inconclusive => (UNSURE, '?'),
        Status::NotApplicable => (DIM, '·'),
        Status::Waived => (UNSURE, '~'),
    };
    format!("{style}{mark}{style:#}")
}

/// The promise underlined in the profile, the request, the observation, the fix and the command to reproduce it.
fn failure(finding: &Finding, report: &Report<'_>) -> String {
    let check = finding.check;
    let source = &report.declaration.source;
    let title = format!("{} ({})", check.rule, check.severity.as_str());
    let snippet = Snippet::source(source.text()).path(source.file()).annotation(
        AnnotationKind::Primary
            .span(finding.underlined(report.declaration))
            .label("the profile promises this"),
    );

    let mut notes: Vec<(&str, String)> = Vec::new();
    if let Some(request) = &finding.request {
        notes.push(("sent", request.to_string()));
    }
    notes.extend(observations(finding).into_iter().map(|observed| ("observed", observed)));
    notes.extend(responder(finding, report).map(|responder| ("layer", responder)));
    if let Some(exploit) = &finding.exploit {
        if let Some(script) = &exploit.script {
            notes.push(("exploit", format!("{}\n{}", script.place, script.code)));
        }
        notes.push(("browser", exploit.verdict.clone()));
    }
    notes.push(("why", check.rationale.to_owned()));
    notes.push(("fix", check.remedy.to_owned()));
    if let Some(again) = report.again(finding) {
        notes.push(("again", again));
    }
    let notes: Vec<Element<'_>> =
        notes.into_iter().map(|(name, note)| Level::NOTE.with_name(name).message(note).into()).collect();
    let group =
        Level::ERROR.with_name("FAIL").primary_title(title).id(check.id).element(snippet).elements(notes);
    format!("{}\n", Renderer::styled().render(&[group]))
}

/// The drills, a line per phase.
fn drills(report: &Report<'_>) -> String {
    let mut text = String::new();
    for (number, phases) in report.drills.iter().enumerate() {
        let _ = writeln!(text, "\ndrill {}", number + 1);
        for phase in phases {
            let _ = writeln!(text, "  {DIM}{phase}{DIM:#}");
        }
    }
    text
}

/// The findings that are neither proved nor broken, a line each.
fn remarks(report: &Report<'_>) -> String {
    let mut text = String::new();
    if let Some(why) = &report.obstacle {
        return format!("\n{UNSURE}INCONCLUSIVE{UNSURE:#}  {why}\n{DIM}no check could be judged{DIM:#}\n");
    }
    for finding in &report.findings {
        let reason = finding.observed.first().map(String::as_str).unwrap_or_default();
        let line = match (finding.status, &finding.waiver) {
            (Status::Inconclusive, _) => {
                format!("{UNSURE}INCONCLUSIVE{UNSURE:#}  {}  {reason}", finding.check.id)
            }
            (Status::Waived, Some((why, expires))) => {
                format!(
                    "{UNSURE}WAIVED{UNSURE:#}  {}  until {expires}: {why}\n        {reason}",
                    finding.check.id
                )
            }
            (Status::NotApplicable, _) => format!("{DIM}n/a  {}  {reason}{DIM:#}", finding.check.id),
            _ => continue,
        };
        let _ = writeln!(text, "{line}");
    }
    for warning in &report.warnings {
        let _ = writeln!(text, "{UNSURE}WARNING{UNSURE:#}  {warning}");
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

fn snapshots(report: &Report<'_>) -> String {
    let snapshots = &report.snapshots;
    let mut text = String::new();
    if report.outcome() == Outcome::Fail && !snapshots.drifted.is_empty() {
        // A broken promise also changes snapshots, and is explained above.
        let names: Vec<&str> = snapshots.drifted.iter().map(|drift| drift.name.as_str()).collect();
        let _ =
            writeln!(text, "\n{UNSURE}DRIFT{UNSURE:#}  {} differ from the reviewed ones", names.join(", "));
    } else {
        snapshots.drifted.iter().for_each(|drift| text.push_str(&drifted(drift)));
    }
    if !snapshots.unseen.is_empty() {
        let _ =
            writeln!(text, "\n{UNSURE}UNSEEN{UNSURE:#}  not reviewed yet: {}", snapshots.unseen.join(", "));
    }
    if !snapshots.drifted.is_empty() || !snapshots.unseen.is_empty() {
        let _ =
            writeln!(text, "  `cargo insta review` shows and accepts each; `--snapshots update` accepts all");
    }
    for why in &snapshots.unwritten {
        let _ = writeln!(text, "{UNSURE}WARNING{UNSURE:#}  {why}");
    }
    text
}

fn drifted(drift: &Drift) -> String {
    let mut text = format!("\n{UNSURE}DRIFT{UNSURE:#}  {} differs from the reviewed one\n", drift.name);
    for line in drift.diff.lines() {
        let style = match line.as_bytes().first() {
            Some(b'+') => GOOD,
            Some(b'-') => BAD,
            _ => DIM,
        };
        // Behind a bar, since a line from the target could be a workflow command of GitHub Actions.
        let _ = writeln!(text, "  | {style}{line}{style:#}");
    }
    text
}

fn closing(report: &Report<'_>) -> String {
    let style = match report.outcome() {
        Outcome::Pass => GOOD,
        Outcome::Fail => BAD,
        Outcome::Inconclusive | Outcome::Drift => UNSURE,
    };
    format!("\n{}\n{style}{}{style:#}\n", tally(report), verdict(report))
}
