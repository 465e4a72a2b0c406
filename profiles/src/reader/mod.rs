//! From TOML to [`Profile`], reporting every mistake of form at once.
//!
//! The grammar comes from the JSON Schema of the types themselves, the one that editors use: a walk over the document
//! beside its grammar finds all unknown, missing and malformed settings, each at its own place. serde, which
//! stops at its first error, then only reads documents that the walk has passed.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::Deserialize as _;
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue, Deserializer};

use crate::Profile;
use crate::credentials::repeats_secret;
use crate::values::invalid::quote;

pub(crate) mod grammar;
pub(crate) mod problem;
pub(crate) mod schema;
pub(crate) mod source;

use grammar::{Format, Kind, Setting};
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
        // What a broken document seems to lack may only be hidden behind the break.
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
    walk.table(document, Setting::ROOT, Way::Top);
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
    /// The settings that do not stand where they belong,
    missing: Vec<(String, Problem)>,
    /// and those that stand elsewhere or misspelt: one mistake, not an unknown and a missing key.
    present: Vec<String>,
    /// What stands where a secret's name belongs.
    hidden: Vec<Range<usize>>,
}

impl Walk<'_> {
    fn table(&mut self, table: &DeTable<'_>, grammar: &'static Setting, way: Way<'_>) {
        let absent: Vec<&str> = grammar
            .settings()
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| !table.contains_key(*name))
            .collect();
        for (key, value) in table {
            match grammar.setting(key.get_ref()) {
                Some((name, setting)) => self.value(value, setting, Way::Child(&way, name)),
                None => self.unknown(key, value, &absent, grammar, way),
            }
        }
        for (name, setting) in grammar.required().iter().filter(|(name, _)| absent.contains(name)) {
            let problem = self.absence(name, setting, way);
            self.missing.push((Way::Child(&way, name).to_string(), problem));
        }
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, setting: &'static Setting, way: Way<'_>) {
        match (value.get_ref(), setting.kind) {
            (DeValue::Table(table), Kind::Table { .. }) => self.table(table, setting, way),
            (DeValue::Array(items), Kind::List { least, items: grammar }) => {
                if items.len() < least {
                    let advice = format!("write at least one element, such as {}", setting.example);
                    self.problems.push(Problem::error(way, "this list is empty").instead(advice));
                }
                for (index, item) in items.iter().enumerate() {
                    self.value(item, grammar, Way::Element(&way, index));
                }
            }
            (DeValue::Boolean(_), Kind::Boolean) => {}
            (DeValue::Integer(number), Kind::Integer { least, most }) => {
                if !inside(number, least, most) {
                    let problem = Problem::error(way, "this number is out of range");
                    self.problems.push(problem.instead(format!("write {}", setting.instead())));
                }
            }
            (DeValue::String(text), Kind::Choice(_) | Kind::Text(_)) => {
                let Err(invalid) = setting.fits(text) else { return };
                if matches!(setting.kind, Kind::Text(Format::Variable)) {
                    // The quotation marks stay.
                    self.hidden.push(value.span().start + 1..value.span().end - 1);
                }
                let problem = Problem::error(way, invalid.why);
                self.problems.push(match invalid.instead {
                    Some(what) if repeats_secret(&what, text) => {
                        problem.instead("keep the secret in the environment")
                    }
                    Some(what) => problem.instead(format!("write {what}")),
                    None => problem,
                });
            }
            (other, wanted) => {
                let message = format!("this is {}, not {}", article(other), wanted.name());
                let advice = match wanted {
                    Kind::Table { .. } => format!("write `[{way}]`"),
                    Kind::List { items, .. } if items.is_table() => format!("write `[[{way}]]`"),
                    _ => format!("write {}", setting.instead()),
                };
                self.problems.push(Problem::error(way, message).instead(advice));
            }
        }
    }

    fn absence(&self, name: &str, setting: &Setting, way: Way<'_>) -> Problem {
        let toml = setting.paste(name, &way.to_string());
        if setting.is_table() {
            let message = format!("table `[{}]` is missing", Way::Child(&way, name));
            return Problem::at(Place::Bytes(self.end..self.end), message).instead(format!("write\n{toml}"));
        }
        Problem::error(way, format!("key `{name}` is missing")).instead(format!("write {toml}"))
    }

    fn unknown(
        &mut self,
        key: &Spanned<Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        absent: &[&str],
        grammar: &Setting,
        way: Way<'_>,
    ) {
        let name = key.get_ref();
        let kind = if value.get_ref().is_table() { "table" } else { "key" };
        let advice = if let Some(meant) = nearest(name, absent) {
            self.present.push(Way::Child(&way, meant).to_string());
            format!("write `{meant}`")
        } else if let Some((setting, place)) = home(name, self.document) {
            self.present.push(setting);
            format!("move it to {place}")
        } else {
            let known: Vec<&str> = grammar.settings().iter().map(|(known, _)| *known).collect();
            let whose = if let Way::Top = way { "a profile".to_owned() } else { format!("`{way}`") };
            format!("remove it, or write one of the keys that {whose} has: {}", known.join(", "))
        };
        let message = format!("unknown {kind} {}", quote(name));
        self.problems.push(Problem::at(Place::Bytes(key.span()), message).instead(advice));
    }
}

/// The way to a setting; only what is said about one needs it as text.
#[derive(Clone, Copy)]
enum Way<'a> {
    Top,
    Child(&'a Way<'a>, &'a str),
    Element(&'a Way<'a>, usize),
}

impl fmt::Display for Way<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Way::Top => Ok(()),
            Way::Child(parent, key) => f.write_str(&child(&parent.to_string(), key)),
            Way::Element(list, index) => f.write_str(&element(&list.to_string(), *index)),
        }
    }
}

impl From<Way<'_>> for String {
    fn from(way: Way<'_>) -> Self {
        way.to_string()
    }
}

/// The setting of that name which the document lacks, and where it belongs.
fn home(name: &str, document: &DeTable<'_>) -> Option<(String, String)> {
    let root = Setting::ROOT;
    if root.setting(name).is_some() && !document.contains_key(name) {
        return Some((name.to_owned(), "the top of the file, above the first table".to_owned()));
    }
    let lacks = |table: &str| {
        let written = document.get(table).and_then(|value| value.get_ref().as_table());
        written.is_none_or(|table| !table.contains_key(name))
    };
    let (table, _) =
        root.settings().iter().find(|(table, setting)| setting.setting(name).is_some() && lacks(table))?;
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

fn inside(number: &DeInteger<'_>, least: i64, most: i64) -> bool {
    i64::from_str_radix(number.as_str(), number.radix()).is_ok_and(|number| (least..=most).contains(&number))
}

fn article(value: &DeValue<'_>) -> &'static str {
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
