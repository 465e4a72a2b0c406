//! The report as one self-contained page: no script, no request, light and dark, printable.
//!
//! The template escapes every value, and so does `prose`, which also marks up code.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;

use super::{Reporter, failures, families, observations, prose, responder, tally, verdict};
use crate::report::{Finding, Latency, Report, Status};

pub(super) const REPORTER: Reporter =
    Reporter { name: "html", about: "one page for people, with nothing to load", render };

#[derive(Serialize)]
struct Page<'a> {
    profile: &'a str,
    target: &'a str,
    outcome: &'static str,
    verdict: String,
    tally: String,
    checks: usize,
    requests: u64,
    duration_ms: u64,
    obstacle: Option<&'a str>,
    families: Vec<Family>,
    failed: Vec<Entry<'a>>,
    inconclusive: Vec<Entry<'a>>,
    waived: Vec<Entry<'a>>,
    not_applicable: Vec<Entry<'a>>,
    passed: Vec<Entry<'a>>,
    observed: Vec<Subject<'a>>,
    drills: Vec<String>,
    drifted: Vec<Drifted<'a>>,
    unchanged: &'a [String],
    unseen: &'a [String],
    warnings: Vec<&'a str>,
    plot: Option<Plot<'a>>,
}

#[derive(Serialize)]
struct Family {
    name: &'static str,
    marks: Vec<&'static str>,
    passed: usize,
    applicable: usize,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'static str,
    severity: &'static str,
    rule: &'static str,
    rationale: &'static str,
    remedy: &'static str,
    references: &'static [&'static str],
    observed: Vec<String>,
    sent: Option<String>,
    responder: Option<String>,
    again: Option<String>,
    place: String,
    line_number: usize,
    /// The line of the profile: before the promise, the promise, after it.
    line: [String; 3],
    exploit: Option<Exploit<'a>>,
    waiver: Option<Waiver<'a>>,
    tolerated: bool,
}

#[derive(Serialize)]
struct Exploit<'a> {
    place: Option<&'a str>,
    code: Option<&'a str>,
    verdict: &'a str,
}

#[derive(Serialize)]
struct Waiver<'a> {
    reason: &'a str,
    expires: String,
}

#[derive(Serialize)]
struct Subject<'a> {
    name: &'a str,
    description: &'a str,
    text: &'a str,
}

#[derive(Serialize)]
struct Drifted<'a> {
    name: &'a str,
    lines: Vec<Line<'a>>,
}

#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    text: &'a str,
}

/// Every answer as a dot: the plan's order to the right, milliseconds upwards.
#[derive(Serialize)]
struct Plot<'a> {
    width: usize,
    height: usize,
    dots: Vec<Dot<'a>>,
    levels: Vec<PlotLevel>,
    slowest: u64,
}

#[derive(Serialize)]
struct Dot<'a> {
    x: String,
    y: String,
    request: &'a str,
    ms: u64,
}

#[derive(Serialize)]
struct PlotLevel {
    name: &'static str,
    y: String,
    ms: u64,
}

fn render(report: &Report<'_>) -> String {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let lines = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(lines.expect("the delimiters are the usual ones"));
    environment.add_filter("prose", |text: String| Value::from_safe_string(prose(&text)));
    environment.add_template("page", include_str!("page.html")).expect("the template is a constant");
    environment
        .get_template("page")
        .and_then(|template| template.render(Value::from(Serde(page(report)))))
        .expect("the template names what the page has: asserted in tests/reporters.rs")
}

fn page<'a>(report: &'a Report<'_>) -> Page<'a> {
    let entries = |status| report.with(status).map(|finding| entry(finding, report)).collect();
    let snapshots = &report.snapshots;
    let drifted = snapshots.drifted.iter().map(|drift| Drifted {
        name: &drift.name,
        lines: drift.diff.lines().map(|text| Line { kind: kind(text), text }).collect(),
    });
    let observed = report.observed.iter().map(|subject| Subject {
        name: subject.name,
        description: subject.description,
        text: &subject.text,
    });
    let families = families(report).map(|(name, findings)| Family {
        name,
        marks: findings.iter().map(|finding| finding.status.as_str()).collect(),
        passed: findings.iter().filter(|finding| finding.status == Status::Pass).count(),
        applicable: findings.iter().filter(|finding| finding.status != Status::NotApplicable).count(),
    });
    Page {
        profile: &report.declaration.name,
        target: &report.target,
        outcome: report.outcome().as_str(),
        verdict: verdict(report),
        tally: tally(report),
        checks: report.findings.len(),
        requests: report.requests,
        duration_ms: report.duration_ms,
        obstacle: report.obstacle.as_deref(),
        families: families.collect(),
        failed: failures(report).into_iter().map(|finding| entry(finding, report)).collect(),
        inconclusive: entries(Status::Inconclusive),
        waived: entries(Status::Waived),
        not_applicable: entries(Status::NotApplicable),
        passed: entries(Status::Pass),
        observed: observed.collect(),
        drills: report.drills.iter().map(|phases| phases.join("\n")).collect(),
        drifted: drifted.collect(),
        unchanged: &snapshots.unchanged,
        unseen: &snapshots.unseen,
        warnings: report.warnings.iter().chain(&snapshots.unwritten).map(String::as_str).collect(),
        plot: plot(&report.latencies),
    }
}

fn entry<'a>(finding: &'a Finding, report: &Report<'_>) -> Entry<'a> {
    let check = finding.check;
    let location = &finding.location;
    Entry {
        id: check.id,
        severity: check.severity.as_str(),
        rule: check.rule,
        rationale: check.rationale,
        remedy: check.remedy,
        references: check.references,
        observed: observations(finding),
        sent: finding.request.as_ref().map(ToString::to_string),
        responder: responder(finding, report),
        again: report.again(finding),
        place: format!("{}:{}:{}", location.file, location.line, location.column),
        line_number: location.line,
        line: marked_line(finding, report),
        exploit: finding.exploit.as_ref().map(|exploit| Exploit {
            place: exploit.script.as_ref().map(|script| script.place.as_str()),
            code: exploit.script.as_ref().map(|script| script.code.as_str()),
            verdict: &exploit.verdict,
        }),
        waiver: finding
            .waiver
            .as_ref()
            .map(|(reason, expires)| Waiver { reason, expires: expires.to_string() }),
        tolerated: finding.status == Status::Fail && !report.counts(finding),
    }
}

fn marked_line(finding: &Finding, report: &Report<'_>) -> [String; 3] {
    let line: Vec<char> = report.declaration.source.line(&finding.promise).chars().collect();
    let start = (finding.location.column - 1).min(line.len());
    let end = (finding.end_column(report.declaration) - 1).clamp(start, line.len());
    [&line[..start], &line[start..end], &line[end..]].map(|part| part.iter().collect())
}

fn kind(line: &str) -> &'static str {
    match line.as_bytes().first() {
        Some(b'+') => "added",
        Some(b'-') => "removed",
        _ => "same",
    }
}

fn plot(latencies: &[Latency]) -> Option<Plot<'_>> {
    const WIDTH: usize = 960;
    const HEIGHT: usize = 240;
    let mut sorted: Vec<u64> = latencies.iter().map(|latency| latency.ms).collect();
    sorted.sort_unstable();
    let slowest = *sorted.last()?;
    // Below the top, and above the axis; whole numbers keep the bytes the same everywhere.
    let y = |ms: u64| {
        let drawn = u64::try_from(HEIGHT - 20).unwrap_or_default();
        (drawn + 10 - ms * drawn / slowest.max(1)).to_string()
    };
    let x = |index: usize| (10 + index * (WIDTH - 90) / latencies.len().max(2).saturating_sub(1)).to_string();
    let dots = latencies.iter().enumerate().map(|(index, latency)| Dot {
        x: x(index),
        y: y(latency.ms),
        request: &latency.request,
        ms: latency.ms,
    });
    let levels = [("p50", 50), ("p95", 95), ("p99", 99)].map(|(name, percent)| {
        let ms = percentile(&sorted, percent);
        PlotLevel { name, y: y(ms), ms }
    });
    Some(Plot { width: WIDTH, height: HEIGHT, dots: dots.collect(), levels: levels.into(), slowest })
}

/// The nearest rank: the least value that is at least as great as so many percent of all.
fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_seen() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!([50, 95, 99].map(|percent| percentile(&hundred, percent)), [50, 95, 99]);
        assert_eq!([50, 95, 99].map(|percent| percentile(&[7], percent)), [7, 7, 7]);
        assert_eq!(percentile(&[1, 2, 3], 50), 2);
    }
}
