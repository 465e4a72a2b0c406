//! The grammar of a profile: what may stand where. It is the JSON Schema of [`crate::Profile`] as constants, so that
//! no start builds a schema before it reads.

use std::net::IpAddr;
use std::str::FromStr;

use jiff::civil::Date;

use super::source::child;
use crate::values::invalid::quote;
use crate::{CheckId, Duration, FieldName, Invalid, Method, Network, Origin, Path, Size, Variable};

mod profile;

/// What one setting may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) kind: Kind,
    /// One value, as TOML.
    pub(crate) example: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// The settings in the order of the types; those that must be there come first.
    Table {
        required: usize,
        settings: &'static [(&'static str, Setting)],
    },
    List {
        least: usize,
        items: &'static Setting,
    },
    Boolean,
    /// A whole number.
    Integer {
        least: i64,
        most: i64,
    },
    Choice(&'static [&'static str]),
    Text(Format),
}

/// The grammar of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Any,
    /// Anything that can be read.
    Sentence,
    Duration,
    Size,
    Origin,
    Network,
    Method,
    FieldName,
    Path,
    Variable,
    CheckId,
    Ip,
    Date,
}

impl Setting {
    /// The profile itself.
    pub(crate) const ROOT: &'static Self = &profile::PROFILE;

    const fn new(kind: Kind, example: &'static str) -> Self {
        Self { kind, example }
    }

    /// The settings of a table; nothing else has any.
    pub(crate) const fn settings(&self) -> &'static [(&'static str, Self)] {
        match self.kind {
            Kind::Table { settings, .. } => settings,
            _ => &[],
        }
    }

    pub(crate) fn setting(&self, name: &str) -> Option<&'static (&'static str, Self)> {
        self.settings().iter().find(|(known, _)| *known == name)
    }

    /// Those settings of a table that must be there.
    pub(crate) fn required(&self) -> &'static [(&'static str, Self)] {
        match self.kind {
            Kind::Table { required, settings } => &settings[..required],
            _ => &[],
        }
    }

    pub(crate) const fn is_table(&self) -> bool {
        matches!(self.kind, Kind::Table { .. })
    }

    /// All values that could be written, where they can be told in a line.
    pub(crate) fn values(&self) -> Option<String> {
        match self.kind {
            Kind::Boolean => Some("true or false".to_owned()),
            Kind::Integer { least, most } => Some(format!("a whole number from {least} to {most}")),
            Kind::Choice(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                let (last, others) = words.split_last()?;
                Some(if others.is_empty() {
                    last.clone()
                } else {
                    format!("{} or {last}", others.join(", "))
                })
            }
            Kind::Table { .. } | Kind::List { .. } | Kind::Text(_) => None,
        }
    }

    /// What could be written, in words.
    pub(crate) fn instead(&self) -> String {
        self.values().unwrap_or_else(|| format!("a value such as {}", self.example))
    }

    /// TOML that can be pasted where the setting is missing: `size = 10 # a whole number from …`.
    pub(crate) fn paste(&self, name: &str, path: &str) -> String {
        if !self.is_table() {
            return self.line(name);
        }
        let lines = self.settings().iter().map(|(name, setting)| setting.line(name));
        std::iter::once(format!("[{}]", child(path, name))).chain(lines).collect::<Vec<_>>().join("\n")
    }

    fn line(&self, name: &str) -> String {
        match self.values() {
            Some(values) => format!("{name} = {} # {values}", self.example),
            None => format!("{name} = {}", self.example),
        }
    }

    /// Whether this text may stand here, and why not. That it is a text at all was asked before.
    pub(crate) fn fits(&self, text: &str) -> Result<(), Invalid> {
        match self.kind {
            Kind::Choice(words) if words.contains(&text) => Ok(()),
            Kind::Choice(_) => {
                Err(Invalid::new(format!("{} is not one of the choices", quote(text)))
                    .instead(self.instead()))
            }
            Kind::Text(format) => format.check(text),
            _ => Ok(()),
        }
    }
}

impl Kind {
    /// With its article.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Table { .. } => "a table",
            Self::List { .. } => "a list",
            Self::Boolean => "true or false",
            Self::Integer { .. } => "a whole number",
            Self::Choice(_) | Self::Text(_) => "text in quotes",
        }
    }
}

impl Format {
    /// The formats by the name that the schema gives them.
    pub(crate) const NAMED: &[(&str, Self)] = &[
        ("duration", Self::Duration),
        ("size", Self::Size),
        ("origin", Self::Origin),
        ("network", Self::Network),
        ("method", Self::Method),
        ("field-name", Self::FieldName),
        ("path", Self::Path),
        ("variable", Self::Variable),
        ("check-id", Self::CheckId),
        ("ip", Self::Ip),
        ("date", Self::Date),
    ];

    fn check(self, text: &str) -> Result<(), Invalid> {
        fn parses<T: FromStr<Err = Invalid>>(text: &str) -> Result<(), Invalid> {
            text.parse::<T>().map(drop)
        }
        match self {
            Self::Any => Ok(()),
            Self::Sentence => sentence(text),
            Self::Duration => parses::<Duration>(text),
            Self::Size => parses::<Size>(text),
            Self::Origin => parses::<Origin>(text),
            Self::Network => parses::<Network>(text),
            Self::Method => parses::<Method>(text),
            Self::FieldName => parses::<FieldName>(text),
            Self::Path => parses::<Path>(text),
            Self::Variable => parses::<Variable>(text),
            Self::CheckId => parses::<CheckId>(text),
            Self::Ip => ip(text),
            Self::Date => date(text),
        }
    }
}

fn sentence(text: &str) -> Result<(), Invalid> {
    if text.trim().is_empty() {
        return Err(Invalid::new("this text is empty").instead("a sentence"));
    }
    Ok(())
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
