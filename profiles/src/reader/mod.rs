//! From TOML to [`Profile`], reporting every mistake of form at once.
//!
//! A walk over the document beside its grammar finds all unknown, missing and malformed settings. serde, which stops at
//! its first error, reads only documents in which the walk found none.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::Deserialize as _;
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue, Deserializer};

use crate::Profile;
use crate::credentials::repeats_secret;
use crate::values::Invalid;
use crate::values::invalid::quote;

mod format;
pub(crate) mod grammar;
pub(crate) mod problem;
pub(crate) mod source;

pub(crate) use format::FORMATS;
use grammar::{Grammar, PROFILE, Setting};
pub use problem::{Level, Place, Problem};
pub use source::{Location, Source};
use source::{child, element};

/// The profile, or all that is wrong with its form.
pub(crate) fn read(file: &str, text: &str) -> (Source, Result<Profile, Vec<Problem>>) {
    // Some editors begin a file with a byte order mark; no column counts it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (table, syntax) = DeTable::parse_recoverable(text);
    let mut source = Source::new(file, text);
    if !syntax.is_empty() {
        // A setting that a broken document seems to lack may stand behind the break: the grammar is not asked.
        let problems = syntax.iter().map(|error| not_toml(error, text)).collect();
        return (source, Err(problems));
    }

    let document = table.get_ref();
    let mut walk = Walk {
        document,
        end: text.trim_end().len(),
        problems: Vec::new(),
        missing: Vec::new(),
        present: Vec::new(),
        hidden: Vec::new(),
    };
    walk.table(document, &PROFILE, SettingPath::Root);
    let Walk { mut problems, missing, present, hidden, .. } = walk;
    for span in hidden {
        source.hide(span);
    }
    problems
        .extend(missing.into_iter().filter(|(path, _)| !present.contains(path)).map(|(_, problem)| problem));
    if !problems.is_empty() {
        return (source, Err(problems));
    }
    let profile = Profile::deserialize(Deserializer::from(table));
    (source, profile.map_err(|error| vec![not_toml(&error, text)]))
}

fn not_toml(error: &toml::de::Error, text: &str) -> Problem {
    let span = error.span().unwrap_or(0..0);
    let span = text.floor_char_boundary(span.start)..text.ceil_char_boundary(span.end);
    Problem::at(Place::Bytes(span), format!("this is not TOML: {}", error.message()))
}

struct Walk<'d> {
    document: &'d DeTable<'d>,
    /// Where a missing table could be written: the end of the text.
    end: usize,
    problems: Vec<Problem>,
    /// Required settings that are not in their table.
    missing: Vec<(String, Problem)>,
    /// Those of them that stand elsewhere or misspelt: one mistake, not an unknown and a missing key.
    present: Vec<String>,
    /// Bytes that may be a secret.
    hidden: Vec<Range<usize>>,
}

impl Walk<'_> {
    fn table(&mut self, table: &DeTable<'_>, setting: &Setting, path: SettingPath<'_>) {
        let names = setting.settings().iter().map(|(name, _)| *name);
        let absent: Vec<&str> = names.filter(|name| !table.contains_key(*name)).collect();
        for (key, value) in table {
            match setting.setting(key.get_ref()) {
                Some((name, setting)) => self.value(value, setting, SettingPath::Child(&path, name)),
                None => self.unknown(key, value, &absent, setting, path),
            }
        }
        for (name, setting) in setting.required().iter().filter(|(name, _)| absent.contains(name)) {
            let problem = self.absence(name, setting, path);
            self.missing.push((SettingPath::Child(&path, name).to_string(), problem));
        }
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, setting: &Setting, path: SettingPath<'_>) {
        match (value.get_ref(), &setting.grammar) {
            (DeValue::Table(table), Grammar::Table { .. }) => self.table(table, setting, path),
            (DeValue::Array(elements), Grammar::List { min, items, .. }) => {
                if elements.len() < *min {
                    let advice = format!("write at least one element, such as {}", setting.example);
                    self.problems.push(Problem::error(path, "this list is empty").instead(advice));
                }
                for (index, element) in elements.iter().enumerate() {
                    self.value(element, items, SettingPath::Element(&path, index));
                }
            }
            (DeValue::Boolean(_), Grammar::Boolean) => {}
            (DeValue::Integer(number), Grammar::Integer { min, max }) => {
                if !is_within(number, *min, *max) {
                    let problem = Problem::error(path, "this number is out of range");
                    self.problems.push(problem.instead(format!("write {}", setting.instead())));
                }
            }
            (DeValue::String(text), Grammar::Choice(_) | Grammar::Text(_)) => {
                if let Err(invalid) = setting.grammar.check(text) {
                    self.invalid(invalid, text, value.span(), path);
                }
            }
            (other, grammar) => {
                let message = format!("this is {}, not {}", name(other), grammar.name());
                let advice = match grammar {
                    Grammar::Table { .. } => format!("write `[{path}]`"),
                    Grammar::List { items, .. } if items.is_table() => format!("write `[[{path}]]`"),
                    _ => format!("write {}", setting.instead()),
                };
                self.problems.push(Problem::error(path, message).instead(advice));
            }
        }
    }

    fn invalid(&mut self, invalid: Invalid, text: &str, span: Range<usize>, path: SettingPath<'_>) {
        if invalid.may_be_secret {
            // The quotation marks stay.
            self.hidden.push(span.start + 1..span.end - 1);
        }
        let problem = Problem::error(path, invalid.why);
        self.problems.push(match invalid.instead {
            Some(what) if repeats_secret(&what, text) => {
                problem.instead("keep the secret in the environment")
            }
            Some(what) => problem.instead(format!("write {what}")),
            None => problem,
        });
    }

    fn absence(&self, name: &str, setting: &Setting, path: SettingPath<'_>) -> Problem {
        let toml = setting.paste(name, &path.to_string());
        if setting.is_table() {
            let message = format!("table `[{}]` is missing", SettingPath::Child(&path, name));
            return Problem::at(Place::Bytes(self.end..self.end), message).instead(format!("write\n{toml}"));
        }
        Problem::error(path, format!("key `{name}` is missing")).instead(format!("write {toml}"))
    }

    fn unknown(
        &mut self,
        key: &Spanned<Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        absent: &[&str],
        table: &Setting,
        path: SettingPath<'_>,
    ) {
        let name = key.get_ref();
        let kind = if value.get_ref().is_table() { "table" } else { "key" };
        let advice = if let Some(meant) = nearest(name, absent) {
            self.present.push(SettingPath::Child(&path, meant).to_string());
            format!("write `{meant}`")
        } else if let Some((setting, place)) = misplaced(name, self.document) {
            self.present.push(setting);
            format!("move it to {place}")
        } else {
            let known: Vec<&str> = table.settings().iter().map(|(known, _)| *known).collect();
            let owner =
                if let SettingPath::Root = path { "a profile".to_owned() } else { format!("`{path}`") };
            format!("remove it, or write one of the keys that {owner} has: {}", known.join(", "))
        };
        let message = format!("unknown {kind} {}", quote(name));
        self.problems.push(Problem::at(Place::Bytes(key.span()), message).instead(advice));
    }
}

/// A setting's path such as `cors.origins[1]`; only a message needs it as text.
#[derive(Clone, Copy)]
enum SettingPath<'a> {
    Root,
    Child(&'a SettingPath<'a>, &'a str),
    Element(&'a SettingPath<'a>, usize),
}

impl fmt::Display for SettingPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Child(parent, key) => f.write_str(&child(&parent.to_string(), key)),
            Self::Element(list, index) => f.write_str(&element(&list.to_string(), *index)),
        }
    }
}

impl From<SettingPath<'_>> for String {
    fn from(path: SettingPath<'_>) -> Self {
        path.to_string()
    }
}

/// The setting of that name that the document lacks, and where it belongs.
fn misplaced(name: &str, document: &DeTable<'_>) -> Option<(String, String)> {
    if PROFILE.setting(name).is_some() && !document.contains_key(name) {
        return Some((name.to_owned(), "the top of the file, above the first table".to_owned()));
    }
    let lacks = |table: &str| {
        let written = document.get(table).and_then(|value| value.get_ref().as_table());
        written.is_none_or(|table| !table.contains_key(name))
    };
    let tables = PROFILE.settings();
    let (table, _) =
        tables.iter().find(|(table, setting)| setting.setting(name).is_some() && lacks(table))?;
    Some((child(table, name), format!("`[{table}]`")))
}

/// The key that was probably meant.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|known| (strsim::jaro_winkler(known, name), *known))
        .filter(|(similarity, _)| *similarity > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

fn is_within(number: &DeInteger<'_>, min: i64, max: i64) -> bool {
    i64::from_str_radix(number.as_str(), number.radix()).is_ok_and(|number| (min..=max).contains(&number))
}

/// The kind of a value with its article.
fn name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::Array(_) => "a list",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date without quotes",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Integer(_) => "a whole number",
        DeValue::Table(_) => "a table",
        DeValue::String(_) => "text in quotes",
    }
}
