//! The JSON Schema of [`Profile`], read setting by setting: the reader's grammar and the references' text.

use std::sync::LazyLock;

use serde::Serialize;
use serde_json::Value as Json;

use crate::Profile;
use crate::source::child;

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

    pub(crate) fn get(self, keyword: &str) -> &'static Json {
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
        let optional = named.map(|(name, _)| name.as_str()).filter(move |name| !self.requires(name));
        self.required().chain(optional).map(move |name| (name, Self::of(&self.get("properties")[name])))
    }

    pub(crate) fn required(self) -> impl Iterator<Item = &'static str> {
        self.get("required").as_array().into_iter().flatten().filter_map(Json::as_str)
    }

    pub(crate) fn requires(self, name: &str) -> bool {
        self.required().any(|required| required == name)
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

    /// The least and the greatest whole number.
    pub(crate) fn range(self) -> (i64, i64) {
        let limit = |keyword: &str, otherwise| self.get(keyword).as_i64().unwrap_or(otherwise);
        (limit("minimum", 0), limit("maximum", u32::MAX.into()))
    }

    /// All values that could be written, where they can be told in a line.
    pub(crate) fn values(self) -> Option<String> {
        let words: Vec<String> = self.choices().map(|(word, _)| format!("\"{word}\"")).collect();
        match (words.as_slice(), self.kind()) {
            ([], "boolean") => Some("true or false".to_owned()),
            ([], "integer") => {
                let (least, most) = self.range();
                Some(format!("a whole number from {least} to {most}"))
            }
            ([], _) => None,
            ([word], _) => Some(word.clone()),
            ([others @ .., last], _) => Some(format!("{} or {last}", others.join(", "))),
        }
    }

    /// What could be written, in words.
    pub(crate) fn instead(self) -> String {
        self.values().unwrap_or_else(|| format!("a value such as {}", self.example()))
    }

    /// One value, as TOML.
    pub(crate) fn example(self) -> String {
        if let Some(example) = self.get("examples").get(0) {
            return inline(example);
        }
        match (self.choices().next(), self.kind()) {
            (Some((word, _)), _) => format!("\"{word}\""),
            (None, "array") => format!("[{}]", self.items().example()),
            (None, "integer") => self.range().0.to_string(),
            (None, "boolean") => "false".to_owned(),
            _ => "\"…\"".to_owned(),
        }
    }

    /// TOML that can be pasted where the setting is missing: `size = 10 # a whole number from …`.
    pub(crate) fn paste(self, name: &str, path: &str) -> String {
        if self.kind() != "object" {
            return self.line(name);
        }
        let lines = self.settings().map(|(name, setting)| setting.line(name));
        std::iter::once(format!("[{}]", child(path, name))).chain(lines).collect::<Vec<_>>().join("\n")
    }

    fn line(self, name: &str) -> String {
        let example = self.example();
        match self.values() {
            Some(values) => format!("{name} = {example} # {values}"),
            None => format!("{name} = {example}"),
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
