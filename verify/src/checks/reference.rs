//! The catalogue as text: `verify list`, `verify explain` and CHECKS.md come from the checks themselves.

use std::fmt::Write as _;

use crate::checks;
use crate::checks::asvs;
use crate::model::check::{Check, FAMILIES, Needs};

/// One line a check.
pub fn list() -> String {
    let width = checks::all().map(|check| check.id.len()).max().unwrap_or_default();
    let mut text = String::new();
    for check in checks::all() {
        let needs = check.needs.option().map_or_else(String::new, |option| format!(" (needs {option})"));
        let _ = writeln!(text, "{:width$}  {:6}  {}{needs}", check.id, check.severity.as_str(), check.rule);
    }
    text
}

/// Everything about the checks that a selector names.
pub fn explain(selector: &str) -> Option<String> {
    let named: Vec<String> =
        checks::all().filter(|check| check.is_within(selector)).map(explanation).collect();
    (!named.is_empty()).then(|| named.join("\n"))
}

/// CHECKS.md.
pub fn checks_markdown() -> String {
    let mut text = "# Checks\n\nGenerated from the catalogue in `verify/src/checks`; `UPDATE_REFERENCES=1 cargo test -p verify --test reference` refreshes it.\n".to_owned();
    for (family, _) in FAMILIES {
        let _ = writeln!(text, "\n## {family}\n");
        for check in checks::all().filter(|check| check.is_within(family)) {
            let _ = writeln!(text, "{}", explanation(check));
        }
    }
    format!("{}\n", text.trim_end())
}

fn explanation(check: &Check) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "### `{}`\n", check.id);
    let needs = match check.needs {
        Needs::Nothing => "",
        Needs::Intrusive => " Needs: `--intrusive`, or `--launch`.",
        Needs::Drill => " Needs: `verify drill`.",
    };
    let _ = writeln!(
        text,
        "{} Severity: {}.{needs} Requirements: {}.\n",
        check.rule,
        check.severity.as_str(),
        check.requirements.join(", ")
    );
    let _ = writeln!(text, "*Why.* {}\n", check.rationale);
    let _ = writeln!(text, "*Fix.* {}\n", check.remedy);
    for (what, examples) in [("Passes", check.passes), ("Fails", check.fails)] {
        for example in examples {
            let _ = writeln!(text, "{what}:\n```http\n{example}\n```\n");
        }
    }
    for reference in check.references {
        let _ = writeln!(text, "- <{reference}>");
    }
    for requirement in check.requirements.iter().filter_map(|id| asvs::cited(id)) {
        let _ = writeln!(text, "- ASVS [{}]({}): {}", requirement.id, requirement.url(), requirement.asks);
    }
    text
}
