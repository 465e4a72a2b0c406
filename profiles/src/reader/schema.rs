//! The JSON Schema of [`Profile`], read setting by setting: the references' text, and where the reader's grammar comes
//! from.

use std::sync::LazyLock;

use serde::Serialize;
use serde_json::Value as Json;

use super::grammar::{self, Format, Kind};
use crate::Profile;

pub(crate) static SCHEMA: LazyLock<Json> = LazyLock::new(|| schemars::schema_for!(Profile).to_value());

/// What the schema says about one setting.
#[derive(Clone, Copy)]
pub(crate) struct Setting {
    /// Beside the `$ref`: this setting's own words and limits come first.
    own: &'static Json,
    /// Behind the `$ref`.
    shared: &'static Json,
}

impl Setting {
    /// The profile itself.
    pub(crate) fn root() -> Self {
        Self::of(&SCHEMA)
    }

    /// One of the types that settings share.
    pub(crate) fn definition(name: &str) -> Self {
        Self::of(&SCHEMA["$defs"][name])
    }

    fn of(own: &'static Json) -> Self {
        let setting = Self { own, shared: own };
        setting.name().map_or(setting, |name| Self { own, shared: &SCHEMA["$defs"][name] })
    }

    /// The name of the setting's type, where settings share it.
    pub(crate) fn name(self) -> Option<&'static str> {
        self.own["$ref"].as_str()?.strip_prefix("#/$defs/")
    }

    fn get(self, keyword: &str) -> &'static Json {
        self.own.get(keyword).unwrap_or(&self.shared[keyword])
    }

    pub(crate) fn text(self, keyword: &str) -> Option<&'static str> {
        self.get(keyword).as_str()
    }

    /// `object`, `array`, `string`, `integer` or `boolean`.
    pub(crate) fn kind(self) -> &'static str {
        self.text("type").unwrap_or("string")
    }

    /// The settings of a table, in the order of the types: the required ones first.
    pub(crate) fn settings(self) -> impl Iterator<Item = (&'static str, Self)> {
        let named = self.get("properties").as_object().into_iter().flatten();
        let optional =
            named.map(|(name, _)| name.as_str()).filter(move |name| !self.required().any(|r| r == *name));
        self.required().chain(optional).map(move |name| (name, Self::of(&self.get("properties")[name])))
    }

    fn required(self) -> impl Iterator<Item = &'static str> {
        self.get("required").as_array().into_iter().flatten().filter_map(Json::as_str)
    }

    /// The elements of a list.
    pub(crate) fn items(self) -> Self {
        Self::of(self.get("items"))
    }

    /// The words of an enumeration, each with its meaning.
    pub(crate) fn choices(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.get("oneOf").as_array().into_iter().flatten().filter_map(|choice| {
            Some((choice["const"].as_str()?, choice["description"].as_str().unwrap_or_default()))
        })
    }

    /// The same for the reader, which has it as constants: what is made here is never freed.
    pub(crate) fn grammar(self) -> grammar::Setting {
        let least = |keyword| self.get(keyword).as_i64().unwrap_or(0);
        let words: Vec<&str> = self.choices().map(|(word, _)| word).collect();
        let kind = match self.kind() {
            "object" => Kind::Table {
                required: self.required().count(),
                settings: self
                    .settings()
                    .map(|(name, setting)| (name, setting.grammar()))
                    .collect::<Vec<_>>()
                    .leak(),
            },
            "array" => Kind::List {
                least: usize::from(least("minItems") > 0),
                items: Box::leak(Box::new(self.items().grammar())),
            },
            "boolean" => Kind::Boolean,
            "integer" => Kind::Integer {
                least: least("minimum"),
                most: self.get("maximum").as_i64().unwrap_or(u32::MAX.into()),
            },
            _ if !words.is_empty() => Kind::Choice(words.leak()),
            _ if least("minLength") > 0 => Kind::Text(Format::Sentence),
            _ => Kind::Text(self.format()),
        };
        grammar::Setting { kind, example: self.example(kind).leak() }
    }

    fn format(self) -> Format {
        let Some(name) = self.text("format") else { return Format::Any };
        let known = Format::NAMED.iter().find(|(known, _)| *known == name);
        known.unwrap_or_else(|| panic!("the format `{name}` has no grammar")).1
    }

    /// One value, as TOML.
    fn example(self, kind: Kind) -> String {
        if let Some(example) = self.get("examples").get(0) {
            return inline(example);
        }
        match kind {
            Kind::Choice(words) => format!("\"{}\"", words[0]),
            Kind::List { items, .. } => format!("[{}]", items.example),
            Kind::Integer { least, .. } => least.to_string(),
            Kind::Boolean => "false".to_owned(),
            Kind::Table { .. } | Kind::Text(_) => "\"…\"".to_owned(),
        }
    }
}

/// JSON as TOML on one line: the two write texts, numbers and lists of them alike.
pub(crate) fn inline(value: &Json) -> String {
    match value {
        Json::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// The word that stands for a value in TOML.
pub(crate) fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().as_ref().and_then(Json::as_str).unwrap_or_default().to_owned()
}
