//! Every mistake in `tests/refused`, one a file, with the answer that its author reads.
//!
//! A file holds only what it changes in production.toml.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::civil::{Date, date};
use profiles::{Declaration, Level, Problem, RULES, Source};
use variants::production_with;

const TODAY: Date = date(2026, 1, 1);

#[test]
fn every_mistake_is_answered() {
    for (name, changes) in mistakes() {
        let (source, problems) = judge(&name, &changes);
        assert!(!problems.is_empty(), "{name}.toml is accepted without a warning");
        let refused = problems.iter().any(|problem| problem.level == Level::Error);
        let text = if refused {
            profiles::Refused { source, problems }.render(false)
        } else {
            let declaration = Declaration::parse(&file(&name), &production_with(&changes), TODAY)
                .expect("a warning does not refuse the profile");
            declaration.render_warnings()
        };
        assert!(!text.contains("hunter2"), "{name}.toml: the answer repeats a secret:\n{text}");
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(name, text);
        });
    }
}

#[test]
fn every_rule_is_broken_by_some_mistake() {
    let broken: BTreeSet<&str> = mistakes()
        .iter()
        .flat_map(|(name, changes)| judge(name, changes).1)
        .filter_map(|problem| problem.rule)
        .collect();
    let rules: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(broken, rules);
}

#[test]
fn five_mistakes_are_five_problems() {
    let changes =
        mistakes().into_iter().find(|(name, _)| name == "five-mistakes").expect("the file is there");
    assert_eq!(judge(&changes.0, &changes.1).1.len(), 5);
}

fn mistakes() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/refused");
    let mut mistakes: Vec<_> = std::fs::read_dir(folder)
        .expect("tests/refused is a folder")
        .map(|entry| entry.expect("its entries can be read").path())
        .filter_map(|path| {
            let text = std::fs::read_to_string(&path).ok()?;
            Some((path.file_stem()?.to_str()?.to_owned(), text))
        })
        .collect();
    mistakes.sort();
    mistakes
}

fn judge(name: &str, changes: &str) -> (Source, Vec<Problem>) {
    match Declaration::parse(&file(name), &production_with(changes), TODAY) {
        Ok(declaration) => (declaration.source, declaration.warnings),
        Err(refused) => (refused.source, refused.problems),
    }
}

fn file(name: &str) -> String {
    format!("{name}.toml")
}
