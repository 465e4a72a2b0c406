//! Markdown for a job's summary and for pull requests.
//!
//! Text from the target stands only in code spans and fences that it cannot end: none of it is markup.

use std::fmt::Write as _;

use super::{Reporter, failures, families, observations, prose, responder, tally, verdict};
use crate::report::{Finding, Outcome, Report, Status};

pub(super) const REPORTER: Reporter =
    Reporter { name: "markdown", about: "for $GITHUB_STEP_SUMMARY and pull requests", render };

fn render(report: &Report<'_>) -> String {
    let mut text = String::new();
    let mark = match report.outcome() {
        Outcome::Pass => "✅",
        Outcome::Fail => "❌",
        Outcome::Inconclusive | Outcome::Drift => "⚠️",
    };
    let _ = writeln!(text, "## {mark} verify: {}\n", plain(&verdict(report)));
    let _ = writeln!(
        text,
        "Profile {} · {} · {} checks, {} requests, {} ms\n",
        code(&report.declaration.name),
        code(&report.target),
        report.findings.len(),
        report.requests,
        report.duration_ms
    );
    text.push_str(&ledger(report));
    section(&mut text, "Broken", failures(report).into_iter().map(|finding| broken(finding, report)));
    let obstacle = report.obstacle.iter().map(|why| format!("No check could be judged: {}\n", code(why)));
    let unjudged = report
        .with(Status::Inconclusive)
        .filter(|_| report.obstacle.is_none())
        .map(|finding| format!("- {}: {}\n", code(finding.check.id), code(&finding.observed.join(" "))));
    section(&mut text, "Inconclusive", obstacle.chain(unjudged));
    section(&mut text, "Waived", report.with(Status::Waived).map(waived));
    section(&mut text, "Snapshots", snapshots(report).into_iter());
    let drills = report.drills.iter().map(|phases| format!("{}\n", fenced("text", &phases.join("\n"))));
    section(&mut text, "Drills", drills);
    section(&mut text, "Warnings", report.warnings.iter().map(|why| format!("- {}\n", code(why))));
    let _ = writeln!(text, "\n{}", plain(&tally(report)));
    text
}

fn section(text: &mut String, title: &str, parts: impl Iterator<Item = String>) {
    let parts: String = parts.collect();
    if !parts.is_empty() {
        let _ = write!(text, "\n### {title}\n\n{parts}");
    }
}

/// Numbers only: a table's cells are the easiest to break out of.
fn ledger(report: &Report<'_>) -> String {
    let mut text =
        "| family | passed | failed | inconclusive | n/a | waived |\n| --- | ---: | ---: | ---: | ---: | ---: |\n"
            .to_owned();
    for (family, findings) in families(report) {
        let count = |status| match findings.iter().filter(|finding| finding.status == status).count() {
            0 => "·".to_owned(),
            count => count.to_string(),
        };
        let _ = writeln!(
            text,
            "| {family} | {} | {} | {} | {} | {} |",
            count(Status::Pass),
            count(Status::Fail),
            count(Status::Inconclusive),
            count(Status::NotApplicable),
            count(Status::Waived)
        );
    }
    text
}

fn broken(finding: &Finding, report: &Report<'_>) -> String {
    let check = finding.check;
    let location = &finding.location;
    let mut text = format!(
        "<details open><summary>❌ <code>{}</code> ({}) {}</summary>\n\n",
        check.id,
        check.severity.as_str(),
        prose(check.rule)
    );
    if let Some(request) = &finding.request {
        let _ = writeln!(text, "- **sent** {}", code(&request.to_string()));
    }
    for observed in observations(finding) {
        let _ = writeln!(text, "- **observed** {}", code(&observed));
    }
    if let Some(responder) = responder(finding, report) {
        let _ = writeln!(text, "- **layer** {}", plain(&responder));
    }
    let place = format!("{}:{}:{}", location.file, location.line, location.column);
    let _ =
        writeln!(text, "- **promised** {} in {}", code(&finding.expected(report.declaration)), code(&place));
    let _ = writeln!(text, "- **why** {}", check.rationale);
    let _ = writeln!(text, "- **fix** {}", check.remedy);
    if let Some(exploit) = &finding.exploit {
        let _ = writeln!(text, "- **browser** {}", code(&exploit.verdict));
        if let Some(script) = &exploit.script {
            let _ = write!(text, "\nExploit, {}:\n\n{}", code(&script.place), fenced("js", &script.code));
        }
    }
    if let Some(again) = report.again(finding) {
        let _ = write!(text, "\n{}", fenced("sh", &again));
    }
    text.push_str("\n</details>\n\n");
    text
}

fn waived(finding: &Finding) -> String {
    let (why, expires) =
        finding.waiver.as_ref().map_or(("", String::new()), |(why, expires)| (why, expires.to_string()));
    format!(
        "- {} until {expires}: {}; {}\n",
        code(finding.check.id),
        plain(why),
        code(&observations(finding).join(" "))
    )
}

fn snapshots(report: &Report<'_>) -> Vec<String> {
    let snapshots = &report.snapshots;
    let drifted = snapshots.drifted.iter().map(|drift| {
        format!(
            "<details open><summary>{} differs from the reviewed one</summary>\n\n{}\n</details>\n\n",
            prose(&drift.name),
            fenced("diff", &drift.diff)
        )
    });
    let unseen = snapshots.unseen.iter().map(|name| format!("- not reviewed yet: {}\n", code(name)));
    let unwritten = snapshots.unwritten.iter().map(|why| format!("- {}\n", code(why)));
    drifted.chain(unseen).chain(unwritten).collect()
}

/// Text in a paragraph, with every markup character escaped.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => plain.push_str("&lt;"),
            '&' => plain.push_str("&amp;"),
            c if c.is_control() => plain.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '>' => plain.extend(['\\', c]),
            c => plain.push(c),
        }
    }
    plain
}

/// A code span that no backtick of the text can end.
fn code(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let ticks = "`".repeat(longest_run(&line) + 1);
    // One space at both ends is not shown, and keeps a backtick of the text apart from ours.
    let pad = if line.starts_with('`') || line.ends_with('`') || line.is_empty() { " " } else { "" };
    format!("{ticks}{pad}{line}{pad}{ticks}")
}

/// A code block that no line of the text can end.
fn fenced(language: &str, text: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", text.trim_end())
}

/// The most backticks in a row.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_its_own_code() {
        assert_eq!(code("plain"), "`plain`");
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code("two\n\nparagraphs"), "`two  paragraphs`");
        assert_eq!(fenced("diff", "```\n<b>"), "````diff\n```\n<b>\n````\n");
        assert_eq!(plain("a|b *c* <d> `e`"), r"a\|b \*c\* &lt;d\> \`e\`");
    }
}
