//! From TOML to [`Profile`], reporting every mistake of form at once.
//!
//! The grammar is the JSON Schema of the types themselves, the one that editors use: a walk over the document
//! beside its schema finds all unknown, missing and malformed settings, each at its own place. serde, which
//! stops at its first error, then only reads documents that the walk has passed.

use std::borrow::Cow;
use std::net::IpAddr;
use std::ops::Range;
use std::str::FromStr;

use jiff::civil::Date;
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use crate::credentials::repeats_secret;
use crate::invalid::quote;
use crate::schema::Setting;
use crate::source::{child, element};
use crate::{
    CheckId, Duration, FieldName, Invalid, Method, Network, Origin, Path, Place, Problem, Profile, Size,
    Source, Variable,
};

type Grammar = fn(&str) -> Result<(), Invalid>;

/// The grammars of text values, by the `format` that the schema names.
pub(crate) const GRAMMARS: &[(&str, Grammar)] = &[
    ("duration", check::<Duration>),
    ("size", check::<Size>),
    ("origin", check::<Origin>),
    ("network", check::<Network>),
    ("method", check::<Method>),
    ("field-name", check::<FieldName>),
    ("path", check::<Path>),
    ("variable", check::<Variable>),
    ("check-id", check::<CheckId>),
    ("ip", ip),
    ("date", date),
];

/// The profile, or all that is wrong with its form.
pub(crate) fn read(file: &str, text: &str) -> (Source, Result<Profile, Vec<Problem>>) {
    // Some editors begin a file with a byte order mark; no column counts it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (table, syntax) = DeTable::parse_recoverable(text);
    let mut source = Source::new(file, text, table.get_ref());
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
    walk.table(document, Setting::root(), "");
    let Walk { mut problems, missing, present, hidden, .. } = walk;
    for span in hidden {
        source.hide(span);
    }
    problems
        .extend(missing.into_iter().filter(|(path, _)| !present.contains(path)).map(|(_, problem)| problem));
    if !problems.is_empty() {
        return (source, Err(problems));
    }
    let profile = toml::from_str(text).map_err(|error| vec![not_toml(&error, text)]);
    (source, profile)
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
    fn table(&mut self, table: &DeTable<'_>, schema: Setting, path: &str) {
        let absent: Vec<(&str, Setting)> =
            schema.settings().filter(|(name, _)| !table.contains_key(*name)).collect();
        for (key, value) in table {
            match schema.settings().find(|(known, _)| known == key.get_ref()) {
                Some((name, setting)) => self.value(value, setting, &child(path, name)),
                None => self.unknown(key, value, &absent, schema, path),
            }
        }
        for (name, setting) in absent.into_iter().filter(|(name, _)| schema.requires(name)) {
            let problem = self.absence(name, setting, path);
            self.missing.push((child(path, name), problem));
        }
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, setting: Setting, path: &str) {
        match (value.get_ref(), setting.kind()) {
            (DeValue::Table(table), "object") => self.table(table, setting, path),
            (DeValue::Array(items), "array") => {
                if items.is_empty() && setting.get("minItems").as_u64().is_some_and(|least| least > 0) {
                    let advice = format!("write at least one element, such as {}", setting.example());
                    self.problems.push(Problem::error(path, "this list is empty").instead(advice));
                }
                for (index, item) in items.iter().enumerate() {
                    self.value(item, setting.items(), &element(path, index));
                }
            }
            (DeValue::Boolean(_), "boolean") => {}
            (DeValue::Integer(number), "integer") => {
                if !inside(number, setting.range()) {
                    let problem = Problem::error(path, "this number is out of range");
                    self.problems.push(problem.instead(format!("write {}", setting.instead())));
                }
            }
            (DeValue::String(text), "string") => {
                let Err(invalid) = text_fits(text, setting) else { return };
                if setting.text("format") == Some("variable") {
                    // The quotation marks stay.
                    self.hidden.push(value.span().start + 1..value.span().end - 1);
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
            (other, wanted) => {
                let message = format!("this is {}, not {}", article(other.type_str()), article(wanted));
                let advice = match wanted {
                    "object" => format!("write `[{path}]`"),
                    "array" if setting.items().kind() == "object" => format!("write `[[{path}]]`"),
                    _ => format!("write {}", setting.instead()),
                };
                self.problems.push(Problem::error(path, message).instead(advice));
            }
        }
    }

    fn absence(&self, name: &str, setting: Setting, path: &str) -> Problem {
        let toml = setting.paste(name, path);
        if setting.kind() == "object" {
            let message = format!("table `[{}]` is missing", child(path, name));
            return Problem::at(Place::Bytes(self.end..self.end), message).instead(format!("write\n{toml}"));
        }
        Problem::error(path, format!("key `{name}` is missing")).instead(format!("write {toml}"))
    }

    fn unknown(
        &mut self,
        key: &Spanned<Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        absent: &[(&str, Setting)],
        schema: Setting,
        path: &str,
    ) {
        let name = key.get_ref();
        let kind = if value.get_ref().is_table() { "table" } else { "key" };
        let advice = if let Some(meant) = nearest(name, absent.iter().map(|(name, _)| *name)) {
            self.present.push(child(path, meant));
            format!("write `{meant}`")
        } else if let Some((setting, place)) = home(name, self.document) {
            self.present.push(setting);
            format!("move it to {place}")
        } else {
            let known: Vec<&str> = schema.settings().map(|(known, _)| known).collect();
            let whose = if path.is_empty() { "a profile".to_owned() } else { format!("`{path}`") };
            format!("remove it, or write one of the keys that {whose} has: {}", known.join(", "))
        };
        let message = format!("unknown {kind} {}", quote(name));
        self.problems.push(Problem::at(Place::Bytes(key.span()), message).instead(advice));
    }
}

/// The setting of that name which the document lacks, and where it belongs.
fn home(name: &str, document: &DeTable<'_>) -> Option<(String, String)> {
    let root = Setting::root();
    let has = |table: Setting, name: &str| table.settings().any(|(known, _)| known == name);
    if has(root, name) && !document.contains_key(name) {
        return Some((name.to_owned(), "the top of the file, above the first table".to_owned()));
    }
    let lacks = |table: &str| {
        let written = document.get(table).and_then(|value| value.get_ref().as_table());
        written.is_none_or(|table| !table.contains_key(name))
    };
    let (table, _) = root.settings().find(|(table, setting)| has(*setting, name) && lacks(table))?;
    Some((child(table, name), format!("`[{table}]`")))
}

/// The key that was probably meant.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|known| (strsim::jaro_winkler(known, name), known))
        .filter(|(similarity, _)| *similarity > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

fn inside(number: &DeInteger<'_>, (least, most): (i64, i64)) -> bool {
    i64::from_str_radix(number.as_str(), number.radix()).is_ok_and(|number| (least..=most).contains(&number))
}

fn text_fits(text: &str, setting: Setting) -> Result<(), Invalid> {
    if setting.choices().next().is_some() {
        if setting.choices().any(|(word, _)| word == text) {
            return Ok(());
        }
        return Err(
            Invalid::new(format!("{} is not one of the choices", quote(text))).instead(setting.instead())
        );
    }
    if setting.get("minLength").as_u64().is_some_and(|least| least > 0) && text.trim().is_empty() {
        return Err(Invalid::new("this text is empty").instead("a sentence"));
    }
    match GRAMMARS.iter().find(|(name, _)| Some(*name) == setting.text("format")) {
        Some((_, fits)) => fits(text),
        None => Ok(()),
    }
}

fn article(kind: &str) -> &'static str {
    match kind {
        "array" => "a list",
        "boolean" => "true or false",
        "datetime" => "a date without quotes",
        "float" => "a number with a fraction",
        "integer" => "a whole number",
        "object" | "table" => "a table",
        _ => "text in quotes",
    }
}

fn check<T: FromStr<Err = Invalid>>(text: &str) -> Result<(), Invalid> {
    text.parse::<T>().map(drop)
}

fn ip(text: &str) -> Result<(), Invalid> {
    text.parse::<IpAddr>().map(drop).map_err(|_| {
        Invalid::new(format!("{} is not an IP address", quote(text)))
            .instead("an address such as \"::\" or \"127.0.0.1\"")
    })
}

fn date(text: &str) -> Result<(), Invalid> {
    // Nothing but the day: a time of day would be dropped without a word.
    let day = text.parse::<Date>().ok().filter(|day| day.to_string() == text);
    day.map(drop).ok_or_else(|| {
        Invalid::new(format!("{} is not a date", quote(text)))
            .instead("year, month and day, such as \"2026-12-31\"")
    })
}
