//! Workflow commands of GitHub Actions: annotations on the lines of the profile.

use std::fmt::Write as _;

use super::{Reporter, failures, tally, verdict};
use crate::report::{Finding, Report, Status};

pub(super) const REPORTER: Reporter =
    Reporter { name: "github", about: "annotations in GitHub Actions, for standard output", render };

/// GitHub shows this many annotations of a kind for a step, and drops the others silently.
const MOST: usize = 10;

/// One annotation without its kind: its place and its text.
struct Annotation {
    place: String,
    title: String,
    message: String,
}

fn render(report: &Report<'_>) -> String {
    let failed =
        |counts: bool| failures(report).into_iter().filter(move |finding| report.counts(finding) == counts);
    let errors: Vec<Annotation> = failed(true).map(|finding| failure(finding, report)).collect();
    let unsure = report.with(Status::Inconclusive).map(|finding| {
        let title = format!("{} is inconclusive", finding.check.id);
        at(finding, report, title, finding.observed.join("\n"))
    });
    let warnings: Vec<Annotation> =
        failed(false).map(|finding| failure(finding, report)).chain(unsure).collect();
    let notices: Vec<Annotation> = notices(report);

    let dropped = [&errors, &warnings, &notices].map(|all| all.len().saturating_sub(MOST));
    let mut text = String::new();
    text.push_str(&commands("error", &errors, MOST));
    text.push_str(&commands("warning", &warnings, MOST));
    if dropped == [0; 3] {
        text.push_str(&commands("notice", &notices, MOST));
    } else {
        // The last place is for the count of the others.
        text.push_str(&commands("notice", &notices, MOST - 1));
        let [errors, warnings, _] = dropped;
        let rest = Annotation {
            place: String::new(),
            title: "verify".to_owned(),
            message: format!(
                "not shown here: {errors} errors, {warnings} warnings and {} notices; the other reports have them",
                notices.len().saturating_sub(MOST - 1)
            ),
        };
        text.push_str(&commands("notice", &[rest], 1));
    }
    let _ = writeln!(text, "verify: {} ({})", verdict(report), tally(report));
    text
}

fn failure(finding: &Finding, report: &Report<'_>) -> Annotation {
    let check = finding.check;
    let mut message =
        format!("{}\n{}\nfix: {}", check.rule, super::observations(finding).join("\n"), check.remedy);
    if let Some(again) = report.again(finding) {
        let _ = write!(message, "\nagain: {again}");
    }
    at(finding, report, format!("{} ({})", check.id, check.severity.as_str()), message)
}

fn notices(report: &Report<'_>) -> Vec<Annotation> {
    let waived = report.with(Status::Waived).filter_map(|finding| {
        let (why, expires) = finding.waiver.as_ref()?;
        let title = format!("{} is waived", finding.check.id);
        Some(at(finding, report, title, format!("until {expires}: {why}\n{}", finding.observed.join("\n"))))
    });
    let elsewhere =
        |title: &str, message: String| Annotation { place: String::new(), title: title.to_owned(), message };
    let snapshots = &report.snapshots;
    let drifted = snapshots
        .drifted
        .iter()
        .map(|drift| elsewhere("snapshot", format!("{} differs from the reviewed one", drift.name)));
    let unseen =
        snapshots.unseen.iter().map(|name| elsewhere("snapshot", format!("{name} is not reviewed yet")));
    let warnings =
        snapshots.unwritten.iter().chain(&report.warnings).map(|why| elsewhere("verify", why.clone()));
    waived.chain(drifted).chain(unseen).chain(warnings).collect()
}

fn at(finding: &Finding, report: &Report<'_>, title: String, message: String) -> Annotation {
    let location = &finding.location;
    let place = format!(
        "file={},line={},endLine={},col={},endColumn={},",
        property(&location.file),
        location.line,
        location.line,
        location.column,
        finding.end_column(report.declaration)
    );
    Annotation { place, title, message }
}

fn commands(kind: &str, annotations: &[Annotation], most: usize) -> String {
    let mut text = String::new();
    for Annotation { place, title, message } in annotations.iter().take(most) {
        let _ = writeln!(text, "::{kind} {place}title={}::{}", property(title), data(message));
    }
    text
}

/// The message of a command ends at the line's end, and percent signs are read back.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property ends at a comma, and all properties at a colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
