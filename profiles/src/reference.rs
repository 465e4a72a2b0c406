//! What is generated from the types: `profile.schema.json` for editors and SETTINGS.md for people.

use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::reader::FORMATS;
use crate::reader::grammar::{Grammar, PROFILE, SCHEMA, Setting, inline};
use crate::{EMBEDDED, RULES};

/// `profile.schema.json`: JSON Schema 2020-12, as editors read it.
pub fn schema() -> String {
    let mut schema = SCHEMA.clone();
    publish(&mut schema);
    format!("{schema:#}\n")
}

/// SETTINGS.md: every setting, every format of a value and every rule.
pub fn settings() -> String {
    let mut text = PREFACE.to_owned();
    let profiles: Vec<(&str, Json)> =
        EMBEDDED.iter().map(|(name, _, toml)| (*name, toml::from_str(toml).unwrap_or_default())).collect();

    let (tables, top): (Vec<_>, Vec<_>) =
        PROFILE.settings().iter().partition(|(_, setting)| described(setting).is_table());
    table(&mut text, "", top, &profiles);
    for (name, setting) in tables {
        let heading = if setting.is_table() { format!("[{name}]") } else { format!("[[{name}]]") };
        let _ = write!(text, "\n## `{heading}`\n{}\n", setting.about);
        table(&mut text, name, described(setting).settings(), &profiles);
    }

    text.push_str("\n## Values\n");
    for format in FORMATS {
        if let Some(about) = about_format(format.name) {
            let _ = writeln!(text, "- **{}**: {}", format.name, line(about));
        }
    }

    text.push_str("\n## Rules\n\nEach has an id, which the message names, and refuses the profile unless it says otherwise.\n");
    for rule in RULES {
        let _ = write!(text, "\n### `{}`\n{}\n\n{}", rule.id, rule.rule, rule.rationale);
        for reference in rule.references {
            let _ = write!(text, " <{reference}>");
        }
        text.push('\n');
    }
    text
}

const PREFACE: &str = "\
# Settings

Generated from the types in `src/profile.rs`; `UPDATE_REFERENCES=1 cargo test -p profiles --test reference` writes it.

Every setting is stated in every profile: there are no silent defaults. The last columns show what the profiles in
this folder say.
";

fn table<'a>(
    text: &mut String,
    table: &str,
    settings: impl IntoIterator<Item = &'a (&'static str, Setting)>,
    profiles: &[(&str, Json)],
) {
    let names: Vec<&str> = profiles.iter().map(|(name, _)| *name).collect();
    let _ = write!(text, "\n| setting | meaning | value | {} |\n|", names.join(" | "));
    text.push_str(&" --- |".repeat(3 + names.len()));
    for (name, setting) in settings {
        let _ = write!(text, "\n| `{name}` | {} | {} |", cell(setting.about), cell(&values(setting)));
        for (_, profile) in profiles {
            let stated = if table.is_empty() { profile.get(name) } else { profile[table].get(name) };
            let stated = stated.map_or_else(|| "–".to_owned(), |stated| format!("`{}`", inline(stated)));
            let _ = write!(text, " {} |", cell(&stated));
        }
    }
    text.push('\n');
}

/// What can be written: the choices with their meaning, the range, or the name of the format.
fn values(setting: &Setting) -> String {
    match &setting.grammar {
        Grammar::Choice(choices) => {
            let choices: Vec<String> = choices
                .iter()
                .map(|choice| format!("`\"{}\"`: {}", choice.word, choice.about.trim_end_matches('.')))
                .collect();
            choices.join("<br>")
        }
        Grammar::List { items, .. } => match &items.grammar {
            Grammar::Choice(_) => format!("a list of these:<br>{}", values(items)),
            _ => format!("a list of {}s", values(items)),
        },
        Grammar::Text(format) => format.name.to_owned(),
        grammar => grammar.values().unwrap_or_default(),
    }
}

/// The doc comment of the type that has this format; `IP address` and `date` are types of others.
fn about_format(name: &str) -> Option<&'static str> {
    let mut types = SCHEMA["$defs"].as_object()?.values();
    types.find(|definition| definition["format"] == name)?["description"].as_str()
}

/// A list of tables is described by its elements.
fn described(setting: &Setting) -> &Setting {
    match &setting.grammar {
        Grammar::List { items, .. } => items,
        _ => setting,
    }
}

fn line(text: &str) -> String {
    text.replace('\n', " ")
}

fn cell(text: &str) -> String {
    line(text).replace('|', "\\|")
}

/// Removes our formats, which JSON Schema does not know (its `duration` is `PT5S`): an editor that asserts formats would
/// refuse every value. The patterns say the same.
fn publish(schema: &mut Json) {
    match schema {
        Json::Object(keywords) => {
            keywords.retain(|keyword, value| keyword != "format" || !value.is_string());
            keywords.values_mut().for_each(publish);
        }
        Json::Array(items) => items.iter_mut().for_each(publish),
        _ => {}
    }
}
