//! The grammar of a profile: what may stand where, read once from the JSON Schema of [`Profile`].

use std::sync::LazyLock;

use serde_json::Value as Json;

use super::format::{ANY, Format, SENTENCE};
use super::source::child;
use crate::Profile;
use crate::values::Invalid;
use crate::values::invalid::quote;

/// What schemars makes of the types in `profile.rs`, their doc comments included.
pub(crate) static SCHEMA: LazyLock<Json> = LazyLock::new(|| schemars::schema_for!(Profile).to_value());

/// The profile itself.
pub(crate) static PROFILE: LazyLock<Setting> = LazyLock::new(|| Setting::of(&SCHEMA));

/// What one setting means and what it may be.
pub(crate) struct Setting {
    /// Its doc comment.
    pub(crate) about: &'static str,
    pub(crate) grammar: Grammar,
    /// One value, as TOML.
    pub(crate) example: String,
}

pub(crate) enum Grammar {
    /// The settings in the order of the types, the first `required` of which must be there.
    Table {
        required: usize,
        settings: Vec<(&'static str, Setting)>,
    },
    /// `distinct` lists repeat no element.
    List {
        min: usize,
        distinct: bool,
        items: Box<Setting>,
    },
    Boolean,
    /// A whole number.
    Integer {
        min: i64,
        max: i64,
    },
    Choice(Vec<Choice>),
    Text(&'static Format),
}

/// A word of an enumeration and its doc comment.
pub(crate) struct Choice {
    pub(crate) word: &'static str,
    pub(crate) about: &'static str,
}

impl Setting {
    fn of(schema: &'static Json) -> Self {
        let schema = Schema::of(schema);
        let grammar = Grammar::of(schema);
        let example = match schema.get("examples").get(0) {
            Some(example) => inline(example),
            None => grammar.example(),
        };
        Self { about: schema.text("description"), grammar, example }
    }

    /// The settings of a table; nothing else has any.
    pub(crate) fn settings(&self) -> &[(&'static str, Self)] {
        match &self.grammar {
            Grammar::Table { settings, .. } => settings,
            _ => &[],
        }
    }

    pub(crate) fn setting(&self, name: &str) -> Option<&(&'static str, Self)> {
        self.settings().iter().find(|(known, _)| *known == name)
    }

    /// The settings that a table must have.
    pub(crate) fn required(&self) -> &[(&'static str, Self)] {
        match &self.grammar {
            Grammar::Table { required, settings } => &settings[..*required],
            _ => &[],
        }
    }

    pub(crate) const fn is_table(&self) -> bool {
        matches!(self.grammar, Grammar::Table { .. })
    }

    /// Whether it is a list that must not repeat an element.
    pub(crate) const fn is_distinct(&self) -> bool {
        matches!(self.grammar, Grammar::List { distinct: true, .. })
    }

    /// What could be written, in words.
    pub(crate) fn instead(&self) -> String {
        self.grammar.values().unwrap_or_else(|| format!("a value such as {}", self.example))
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
        match self.grammar.values() {
            Some(values) => format!("{name} = {} # {values}", self.example),
            None => format!("{name} = {}", self.example),
        }
    }
}

impl Grammar {
    fn of(schema: Schema) -> Self {
        match schema.text("type") {
            "object" => Self::Table {
                required: schema.required().count(),
                settings: schema.settings().map(|(name, setting)| (name, Setting::of(setting))).collect(),
            },
            "array" => Self::List {
                min: usize::from(schema.number("minItems").is_some_and(|least| least > 0)),
                distinct: schema.get("uniqueItems").as_bool().unwrap_or(false),
                items: Box::new(Setting::of(schema.get("items"))),
            },
            "boolean" => Self::Boolean,
            "integer" => Self::Integer {
                min: schema.number("minimum").unwrap_or(0),
                max: schema.number("maximum").unwrap_or(u32::MAX.into()),
            },
            _ if schema.get("oneOf").is_array() => Self::Choice(schema.choices().collect()),
            _ if schema.number("minLength").is_some_and(|least| least > 0) => Self::Text(&SENTENCE),
            _ => Self::Text(match schema.text("format") {
                "" => &ANY,
                name => Format::named(name).unwrap_or_else(|| panic!("the format `{name}` has no grammar")),
            }),
        }
    }

    /// A value for a setting whose schema has no example.
    fn example(&self) -> String {
        match self {
            Self::Table { .. } | Self::Text(_) => "\"…\"".to_owned(),
            Self::List { items, .. } => format!("[{}]", items.example),
            Self::Boolean => "false".to_owned(),
            Self::Integer { min, .. } => min.to_string(),
            Self::Choice(choices) => format!("\"{}\"", choices[0].word),
        }
    }

    /// Its name with an article.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Table { .. } => "a table",
            Self::List { .. } => "a list",
            Self::Boolean => "true or false",
            Self::Integer { .. } => "a whole number",
            Self::Choice(_) | Self::Text(_) => "text in quotes",
        }
    }

    /// All values that could be written, where one line can list them.
    pub(crate) fn values(&self) -> Option<String> {
        match self {
            Self::Boolean => Some("true or false".to_owned()),
            Self::Integer { min, max } => Some(format!("a whole number from {min} to {max}")),
            Self::Choice(choices) => {
                let words: Vec<String> =
                    choices.iter().map(|choice| format!("\"{}\"", choice.word)).collect();
                let (last, others) = words.split_last()?;
                Some(match others {
                    [] => last.clone(),
                    others => format!("{} or {last}", others.join(", ")),
                })
            }
            Self::Table { .. } | Self::List { .. } | Self::Text(_) => None,
        }
    }

    /// Whether this text may stand here. A grammar of other types than text accepts any: see the reader.
    pub(crate) fn check(&self, text: &str) -> Result<(), Invalid> {
        match self {
            Self::Choice(choices) if choices.iter().all(|choice| choice.word != text) => {
                let refused = Invalid::new(format!("{} is not one of the choices", quote(text)));
                Err(refused.instead(self.values().unwrap_or_default()))
            }
            Self::Text(format) => (format.check)(text),
            _ => Ok(()),
        }
    }
}

/// One setting in the schema.
#[derive(Clone, Copy)]
struct Schema {
    /// Beside the `$ref`: this setting's own words and limits come first.
    own: &'static Json,
    /// Behind the `$ref`.
    shared: &'static Json,
}

impl Schema {
    fn of(own: &'static Json) -> Self {
        let name = own["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/"));
        Self { own, shared: name.map_or(own, |name| &SCHEMA["$defs"][name]) }
    }

    fn get(self, keyword: &str) -> &'static Json {
        self.own.get(keyword).unwrap_or(&self.shared[keyword])
    }

    fn text(self, keyword: &str) -> &'static str {
        self.get(keyword).as_str().unwrap_or_default()
    }

    fn number(self, keyword: &str) -> Option<i64> {
        self.get(keyword).as_i64()
    }

    fn required(self) -> impl Iterator<Item = &'static str> {
        self.get("required").as_array().into_iter().flatten().filter_map(Json::as_str)
    }

    /// `required` has the order of the types; the optional settings follow by name.
    fn settings(self) -> impl Iterator<Item = (&'static str, &'static Json)> {
        let properties = self.get("properties");
        let names = properties.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
        let optional = names.filter(move |name| self.required().all(|required| required != *name));
        self.required().chain(optional).map(move |name| (name, &properties[name]))
    }

    fn choices(self) -> impl Iterator<Item = Choice> {
        self.get("oneOf").as_array().into_iter().flatten().filter_map(|choice| {
            Some(Choice {
                word: choice["const"].as_str()?,
                about: choice["description"].as_str().unwrap_or_default(),
            })
        })
    }
}

/// JSON as TOML on one line: the two write texts, numbers and lists of them alike.
pub(crate) fn inline(value: &Json) -> String {
    match value {
        Json::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}
