//! Variants of the embedded profiles, for tests: `production().with("server.request_timeout", "2s")`.

mod changes;

use jiff::civil::{Date, date};
use profiles::{Declaration, EMBEDDED, Refused};
use toml_edit::{Array, DocumentMut, Item, Table, Value};

pub use changes::production_with;

/// The day on which a variant is read.
const TODAY: Date = date(2026, 1, 1);

/// An embedded profile, some settings of which have other values.
#[derive(Clone)]
pub struct Variant {
    file: &'static str,
    document: DocumentMut,
}

pub fn production() -> Variant {
    Variant::of("production")
}

pub fn development() -> Variant {
    Variant::of("development")
}

impl Variant {
    fn of(name: &str) -> Self {
        let (_, file, text) =
            EMBEDDED.iter().find(|(known, ..)| *known == name).expect("the profile is embedded");
        let document =
            text.parse().expect("an embedded profile is TOML: asserted in profiles/tests/embedded.rs");
        Self { file, document }
    }

    /// With another value at a setting such as `server.port`. The comment on its line stays.
    #[must_use]
    pub fn with(mut self, setting: &str, value: impl IntoToml) -> Self {
        let (table, key) = self.locate(setting);
        let item = table.entry(key).or_insert(Item::None);
        let mut value = value.into_toml();
        if let Some(old) = item.as_value() {
            *value.decor_mut() = old.decor().clone();
        }
        *item = Item::Value(value);
        self
    }

    /// Without a setting such as `load.rate_limit`, or a table such as `client_ip`.
    #[must_use]
    pub fn without(mut self, setting: &str) -> Self {
        let (table, key) = self.locate(setting);
        assert!(table.remove(key).is_some(), "the profile states no `{setting}`");
        self
    }

    pub fn text(&self) -> String {
        self.document.to_string()
    }

    /// The declaration, under the embedded profile's own path.
    pub fn declaration(&self) -> Declaration {
        self.parse().unwrap_or_else(|refused| panic!("{refused}"))
    }

    pub fn parse(&self) -> Result<Declaration, Refused> {
        Declaration::parse(self.file, &self.text(), TODAY)
    }

    fn locate<'s>(&mut self, setting: &'s str) -> (&mut Table, &'s str) {
        let Some((table, key)) = setting.split_once('.') else {
            return (self.document.as_table_mut(), setting);
        };
        let item = self.document.entry(table).or_insert_with(|| Item::Table(Table::new()));
        (item.as_table_mut().expect("a setting with a dot is in a table"), key)
    }
}

/// What a test writes for a value.
pub trait IntoToml {
    fn into_toml(self) -> Value;
}

impl IntoToml for &str {
    fn into_toml(self) -> Value {
        self.into()
    }
}

impl IntoToml for String {
    fn into_toml(self) -> Value {
        self.into()
    }
}

impl IntoToml for i32 {
    fn into_toml(self) -> Value {
        i64::from(self).into()
    }
}

impl IntoToml for u32 {
    fn into_toml(self) -> Value {
        i64::from(self).into()
    }
}

impl IntoToml for u16 {
    fn into_toml(self) -> Value {
        i64::from(self).into()
    }
}

impl IntoToml for bool {
    fn into_toml(self) -> Value {
        self.into()
    }
}

impl<T: IntoToml, const N: usize> IntoToml for [T; N] {
    fn into_toml(self) -> Value {
        self.into_iter().map(T::into_toml).collect::<Array>().into()
    }
}

impl<T: IntoToml> IntoToml for Vec<T> {
    fn into_toml(self) -> Value {
        self.into_iter().map(T::into_toml).collect::<Array>().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_differs_in_what_is_said() {
        let profile = production()
            .with("server.port", 8081)
            .with("cors.methods", ["GET"])
            .with("metrics.address", "127.0.0.1")
            .with("metrics.port", 9090)
            .without("load.rate_limit")
            .declaration()
            .profile;
        assert_eq!(
            (profile.server.port, profile.cors.methods.len(), profile.load.rate_limit),
            (8081, 1, None)
        );
        assert_eq!(profile.metrics.map(|metrics| metrics.port), Some(9090));
    }

    #[test]
    fn a_comment_and_every_line_keep_their_places() {
        let text = production().with("pool.create_limit", 3).text();
        let old = production().text();
        assert!(text.contains("create_limit = 3           # a waking database"), "{text}");
        assert_eq!(text.lines().count(), old.lines().count());
    }

    #[test]
    fn a_setting_that_profiles_do_not_have_is_refused() {
        assert!(production().with("server.unheard_of", 1).parse().is_err());
    }
}
