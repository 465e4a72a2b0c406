//! What is generated from the types: `profile.schema.json` for editors, SETTINGS.md for people, and the schema as
//! constants for the reader.

use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::reader::grammar::{self, Kind};
use crate::reader::schema::{SCHEMA, Setting, inline};
use crate::{EMBEDDED, RULES};

/// `profile.schema.json`: JSON Schema 2020-12, as editors read it.
pub fn schema() -> String {
    let mut schema = SCHEMA.clone();
    publish(&mut schema);
    format!("{schema:#}\n")
}

/// `src/grammar/profile.rs`: what the reader needs of the schema.
pub fn grammar() -> String {
    let mut text = "//! Generated from the types in `src/profile.rs`:\n\
                    //! `UPDATE_REFERENCES=1 cargo test -p profiles --test reference` writes it.\n\n\
                    use super::{Format, Kind, Setting};\n\n\
                    #[rustfmt::skip]\n\
                    pub(super) static PROFILE: Setting = "
        .to_owned();
    constant(&mut text, &Setting::root().grammar(), 0);
    text + ";\n"
}

fn constant(text: &mut String, setting: &grammar::Setting, depth: usize) {
    let indent = "    ".repeat(depth);
    text.push_str("Setting::new(");
    let _ = match setting.kind {
        Kind::Table { required, settings } => {
            let _ = writeln!(text, "Kind::Table {{ required: {required}, settings: &[");
            for (name, setting) in settings {
                let _ = write!(text, "{indent}    ({name:?}, ");
                constant(text, setting, depth + 1);
                text.push_str("),\n");
            }
            write!(text, "{indent}] }}")
        }
        Kind::List { least, items } => {
            let _ = write!(text, "Kind::List {{ least: {least}, items: &");
            constant(text, items, depth);
            write!(text, " }}")
        }
        Kind::Choice(words) => write!(text, "Kind::Choice(&{words:?})"),
        Kind::Text(format) => write!(text, "Kind::Text(Format::{format:?})"),
        Kind::Integer { least, most } => {
            write!(text, "Kind::Integer {{ least: {}, most: {} }}", grouped(least), grouped(most))
        }
        Kind::Boolean => write!(text, "Kind::Boolean"),
    };
    let _ = write!(text, ", {:?})", setting.example);
}

/// `65_535`, as clippy wants it.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

/// SETTINGS.md: every setting, every type of value and every rule.
pub fn settings() -> String {
    let mut text = PREFACE.to_owned();
    let profiles: Vec<(&str, Json)> =
        EMBEDDED.iter().map(|(name, _, toml)| (*name, toml::from_str(toml).unwrap_or_default())).collect();

    let (tables, top): (Vec<_>, Vec<_>) =
        Setting::root().settings().partition(|(_, setting)| element(*setting).kind() == "object");
    table(&mut text, "", top.into_iter(), &profiles);
    for (name, setting) in tables {
        let heading = if setting.kind() == "array" { format!("[[{name}]]") } else { format!("[{name}]") };
        let about = setting.text("description").unwrap_or_default();
        let _ = write!(text, "\n## `{heading}`\n{about}\n");
        table(&mut text, name, element(setting).settings(), &profiles);
    }

    text.push_str("\n## Values\n");
    for name in VALUES {
        let about = Setting::definition(name).text("description").unwrap_or_default();
        let _ = writeln!(text, "- **{}**: {}", spaced(name), line(about));
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

/// The types of values with a grammar of their own.
const VALUES: &[&str] = &["Duration", "Size", "Origin", "Method", "FieldName", "Path", "Variable", "CheckId"];

fn table<'a>(
    text: &mut String,
    table: &str,
    settings: impl Iterator<Item = (&'a str, Setting)>,
    profiles: &[(&str, Json)],
) {
    let names: Vec<&str> = profiles.iter().map(|(name, _)| *name).collect();
    let _ = write!(text, "\n| setting | meaning | value | {} |\n|", names.join(" | "));
    text.push_str(&" --- |".repeat(3 + names.len()));
    for (name, setting) in settings {
        let about = setting.text("description").unwrap_or_default();
        let _ = write!(text, "\n| `{name}` | {} | {} |", cell(about), cell(&value(setting)));
        for (_, profile) in profiles {
            let stated = if table.is_empty() { profile.get(name) } else { profile[table].get(name) };
            let stated = stated.map_or_else(|| "–".to_owned(), |stated| format!("`{}`", inline(stated)));
            let _ = write!(text, " {} |", cell(&stated));
        }
    }
    text.push('\n');
}

/// What can be written: the choices with their meaning, the range, or the name of the type.
fn value(setting: Setting) -> String {
    let choices: Vec<String> = setting
        .choices()
        .map(|(word, about)| format!("`\"{word}\"`: {}", about.trim_end_matches('.')))
        .collect();
    match setting.kind() {
        _ if !choices.is_empty() => choices.join("<br>"),
        "array" => format!("a list of {}", plural(&value(setting.items()))),
        _ => setting
            .grammar()
            .values()
            .or_else(|| setting.name().map(spaced))
            .unwrap_or_else(|| text_kind(setting).to_owned()),
    }
}

fn text_kind(setting: Setting) -> &'static str {
    match setting.text("format") {
        Some("ip") => "IP address",
        Some("date") => "date",
        _ => "text",
    }
}

fn plural(what: &str) -> String {
    match what {
        "text" => "texts".to_owned(),
        choices if choices.starts_with('`') => format!("these:<br>{choices}"),
        name => format!("{name}s"),
    }
}

/// `FieldName` is a field name.
fn spaced(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

/// A list of tables is described by its elements.
fn element(setting: Setting) -> Setting {
    if setting.kind() == "array" { setting.items() } else { setting }
}

fn line(text: &str) -> String {
    text.replace('\n', " ")
}

fn cell(text: &str) -> String {
    line(text).replace('|', "\\|")
}

/// Our names of grammars are no formats of JSON Schema (there, a duration is `PT5S`), and an editor that asserts
/// formats would refuse every value; the patterns say the same.
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
