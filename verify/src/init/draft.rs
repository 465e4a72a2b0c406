//! A profile in the making: the embedded production profile with other values, and with remarks for its reader.
//!
//! Layout, comments and every setting that the survey does not ask for come from the embedded text, so that a new
//! setting of profiles appears here by itself.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::civil::Date;
use profiles::{Declaration, EMBEDDED, Level, hide_credentials};
use toml_edit::{Array, DocumentMut, Item, RawString, Table, Value};

use crate::model::redact::shown;

/// Tables whose settings are the user's choices, not facts about the deployment.
const CHOSEN: &[&str] = &["load", "verify"];

const OUTSIDE: &str = "not visible from outside";

/// A longer text is not a name, and a profile must stay readable.
const LONGEST_NAME: usize = 100;
const LONGEST_LIST: usize = 40;

/// A list that does not fit in this width has one element a line.
const LONGEST_LINE: usize = 82;

pub(super) struct Draft {
    today: Date,
    /// The line at the top for editors: `#:schema …`.
    head: String,
    /// The embedded production profile without the comment at its top.
    template: DocumentMut,
    /// The observed values, by setting; `None` where an optional setting is not promised.
    seen: BTreeMap<String, Option<Value>>,
    /// The remarks to review, by setting.
    doubts: BTreeMap<String, Vec<String>>,
}

/// A profile that loads, as text.
pub struct Written {
    pub text: String,
    pub doubts: Vec<Doubt>,
}

/// A remark to review, and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The line on which the setting stands.
    pub line: usize,
    pub setting: String,
    pub why: String,
}

impl Draft {
    pub(super) fn new(today: Date) -> Self {
        let (_, _, text) = EMBEDDED
            .iter()
            .find(|(name, ..)| *name == "production")
            .expect("production is embedded: asserted in profiles/tests/embedded.rs");
        let mut template =
            text.parse().expect("the embedded profile is TOML: asserted in profiles/tests/embedded.rs");
        let head = take_head(&mut template);
        Self { today, head, template, seen: BTreeMap::new(), doubts: BTreeMap::new() }
    }

    /// Sets a value. If the profile would be refused with it, keeps production's and returns the reason.
    pub(super) fn set(&mut self, setting: &str, value: impl Into<Value>) -> Result<(), String> {
        self.put(setting, Some(value.into()))
    }

    /// Leaves out an optional setting.
    pub(super) fn drop(&mut self, setting: &str) -> Result<(), String> {
        self.put(setting, None)
    }

    fn put(&mut self, setting: &str, value: Option<Value>) -> Result<(), String> {
        let before = self.seen.insert(setting.to_owned(), value);
        let Err(why) = self.parse(&self.values().to_string()) else { return Ok(()) };
        let kept = before.unwrap_or_else(|| self.production(setting).cloned());
        self.seen.insert(setting.to_owned(), kept);
        Err(why)
    }

    /// Sets a list without the elements that the profile would be refused for; returns the reason for each of them.
    pub(super) fn set_list(&mut self, setting: &str, items: impl IntoIterator<Item = String>) -> Vec<String> {
        let mut refused = Vec::new();
        let mut kept: Vec<String> = Vec::new();
        let mut more = 0;
        for item in items {
            if kept.contains(&item) {
                continue;
            }
            if item.len() > LONGEST_NAME || kept.len() + refused.len() == LONGEST_LIST {
                more += 1;
                continue;
            }
            kept.push(item);
            if let Err(why) = self.set(setting, list(&kept)) {
                kept.pop();
                refused.push(why);
            }
        }
        if more > 0 {
            refused.push(format!("{more} more entries are too many or too long for a profile"));
        }
        // An empty list may still be refused; then production's remains.
        if let (true, Err(why)) = (kept.is_empty(), self.set(setting, list(&kept))) {
            refused.push(why);
        }
        refused
    }

    /// Adds a remark to a setting, or to the deployment's URL if the profile does not state the setting.
    pub(super) fn doubt(&mut self, setting: &str, why: impl AsRef<str>) {
        let setting = if self.production(setting).is_some() { setting } else { "deployment.url" };
        let why = hide_credentials(shown(why.as_ref()).as_str());
        let doubts = self.doubts.entry(setting.to_owned()).or_default();
        if !doubts.contains(&why) {
            doubts.push(why);
        }
    }

    /// The profile so far.
    pub(super) fn declaration(&self) -> Declaration {
        self.parse(&self.values().to_string())
            .expect("each value was taken only if the profile loads with it")
    }

    /// The profile with its remarks. A remark may quote the target, so loading it is tried.
    pub(super) fn written(&self, intro: &str) -> Written {
        let remarked = self.render(intro, <[String]>::to_vec);
        if self.parse(&remarked.text).is_ok() {
            return remarked;
        }
        // Harmless remarks can look like a secret together.
        self.render(intro, |_| {
            vec!["the observed text is not repeated here; run verify to see it".to_owned()]
        })
    }

    /// The value in the production profile.
    fn production(&self, setting: &str) -> Option<&Value> {
        let item = match setting.split_once('.') {
            Some((table, key)) => self.template.get(table)?.get(key),
            None => self.template.get(setting),
        };
        item.and_then(Item::as_value)
    }

    /// The production profile with the observed values.
    fn values(&self) -> DocumentMut {
        let mut document = self.template.clone();
        for (setting, seen) in &self.seen {
            let (table, key) = match setting.split_once('.') {
                Some((table, key)) => (document[table].as_table_mut(), key),
                None => (Some(document.as_table_mut()), setting.as_str()),
            };
            let table = table.expect("init names settings of the production profile");
            match seen {
                Some(value) => table[key] = Item::Value(value.clone().decorated(" ", "")),
                None => drop(table.remove(key)),
            }
        }
        document
    }

    fn parse(&self, text: &str) -> Result<Declaration, String> {
        Declaration::parse("profile.toml", text, self.today).map_err(|refused| {
            let error = refused.problems.into_iter().find(|problem| problem.level == Level::Error);
            error.map(|problem| problem.message).unwrap_or_default()
        })
    }

    fn render(&self, intro: &str, remarks: impl Fn(&[String]) -> Vec<String>) -> Written {
        let mut written = Written { text: format!("{}{intro}", self.head), doubts: Vec::new() };
        self.render_settings("", &self.template, &remarks, &mut written);
        for (name, item) in self.template.iter() {
            let Item::Table(table) = item else { continue };
            let (before, after) = (raw(table.decor().prefix()), raw(table.decor().suffix()));
            let _ = writeln!(written.text, "{before}[{name}]{after}");
            if self.is_unseen(name) {
                let _ = writeln!(written.text, "# {OUTSIDE}: the embedded production profile's values");
            }
            self.render_settings(name, table, &remarks, &mut written);
        }
        written.text.push_str(raw(Some(self.template.trailing())));
        written
    }

    fn render_settings(
        &self,
        table: &str,
        settings: &Table,
        remarks: impl Fn(&[String]) -> Vec<String>,
        written: &mut Written,
    ) {
        for (name, item) in settings {
            let (Some(key), Item::Value(value)) = (settings.key(name), item) else { continue };
            let setting = if table.is_empty() { name.to_owned() } else { format!("{table}.{name}") };
            let remarks = self.doubts.get(&setting).map(|doubts| remarks(doubts)).unwrap_or_default();
            written.text.push_str(raw(key.leaf_decor().prefix()));
            written.text.extend(remarks.iter().map(|remark| comment(remark)));
            let line = written.text.matches('\n').count() + 1;
            let doubt = |why| Doubt { line, setting: setting.clone(), why };
            written.doubts.extend(remarks.into_iter().map(doubt));
            written.text.push_str(&self.statement(table, name, &setting, value));
        }
    }

    /// A setting with its value. Comments of the production profile stay only beside production's values.
    fn statement(&self, table: &str, name: &str, setting: &str, value: &Value) -> String {
        let statement = format!("{name} = {}", value.clone().decorated("", ""));
        match self.seen.get(setting) {
            Some(Some(seen)) => return format!("{name} = {}\n", seen.clone().decorated("", "")),
            Some(None) => return format!("# {statement}\n"),
            None => {}
        }
        let comment = raw(value.decor().suffix()).trim().trim_start_matches('#').trim();
        let marked = !CHOSEN.contains(&table) && !self.is_unseen(table);
        match (marked, comment) {
            (false, "") => format!("{statement}\n"),
            (false, comment) => format!("{statement:<26} # {comment}\n"),
            (true, "") => format!("{statement:<26} # {OUTSIDE}\n"),
            (true, comment) => format!("{statement:<26} # {OUTSIDE}: {comment}\n"),
        }
    }

    /// Whether the survey saw none of the table's settings.
    fn is_unseen(&self, table: &str) -> bool {
        let inside = |setting: &str| setting.split_once('.').map_or("", |(table, _)| table) == table;
        !CHOSEN.contains(&table) && !self.seen.keys().any(|setting| inside(setting))
    }
}

/// Removes the comment above the first setting, which describes production, and returns its lines for editors.
fn take_head(template: &mut DocumentMut) -> String {
    let Some((mut first, _)) = template.iter_mut().next() else { return String::new() };
    let prefix = raw(first.leaf_decor().prefix()).to_owned();
    let end = prefix.split_inclusive('\n').take_while(|line| line.starts_with('#')).map(str::len).sum();
    let (head, rest) = prefix.split_at(end);
    first.leaf_decor_mut().set_prefix(rest);
    head.split_inclusive('\n').filter(|line| line.starts_with("#:")).collect()
}

/// White space and comments of the template.
fn raw(text: Option<&RawString>) -> &str {
    text.and_then(RawString::as_str).unwrap_or_default()
}

/// On one line if it is short.
fn list(items: &[String]) -> Value {
    let mut array: Array = items.iter().collect();
    if array.to_string().len() > LONGEST_LINE {
        array.iter_mut().for_each(|item| item.decor_mut().set_prefix("\n  "));
        array.set_trailing_comma(true);
        array.set_trailing("\n");
    }
    array.into()
}

/// A remark above its setting, in lines of at most 110 characters.
fn comment(remark: &str) -> String {
    let mut text = String::new();
    let mut line = "# ?".to_owned();
    for word in remark.split_whitespace() {
        if line.len() > "# ?".len() && line.chars().count() + word.chars().count() >= 110 {
            let _ = writeln!(text, "{line}");
            "#  ".clone_into(&mut line);
        }
        line.push(' ');
        line.push_str(word);
    }
    format!("{text}{line}\n")
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const TODAY: Date = date(2026, 1, 2);

    #[test]
    fn a_value_that_the_profile_cannot_take_leaves_productions() {
        let mut draft = Draft::new(TODAY);
        let refused = draft.set("cors.max_age", "48h").unwrap_err();
        assert!(refused.contains("no browser caches a preflight longer"), "{refused}");
        assert!(draft.written("").text.contains("max_age = \"10m\"\n"));

        let names = ["x-one", "set-cookie", "x-one", "x-two"].map(str::to_owned);
        let refused = draft.set_list("cors.exposed_headers", names);
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(draft.written("").text.contains("exposed_headers = [\"x-one\", \"x-two\"]\n"));
    }

    #[test]
    fn a_remark_stands_above_its_setting_and_hides_what_is_secret() {
        let mut draft = Draft::new(TODAY);
        draft.doubt("health.path", "postgres://app:hunter2@db\u{1b}[2J");
        let written = draft.written("");
        let lines: Vec<&str> = written.text.lines().collect();
        let line = written.doubts[0].line;
        assert_eq!(lines[line - 2..line], ["# ? postgres://app:*******@db\\u{1b}[2J", "path = \"/health\""]);
    }

    /// Each line is harmless; together they begin a private key.
    #[test]
    fn remarks_that_are_refused_together_are_not_repeated() {
        let mut draft = Draft::new(TODAY);
        draft.doubt("verify.errors", "-----BEGIN A");
        draft.doubt("verify.errors", "PRIVATE KEY-----");
        let written = draft.written("");
        assert!(draft.parse(&written.text).is_ok(), "{}", written.text);
        assert_eq!(written.doubts.len(), 1);
        assert!(!written.text.contains("PRIVATE KEY"), "{}", written.text);
    }

    #[test]
    fn untouched_it_is_productions_profile_with_every_setting() {
        let draft = Draft::new(TODAY);
        let written: DocumentMut = draft.written("").text.parse().unwrap();
        assert_eq!(statements(&written), statements(&draft.template));
    }

    /// Every statement with its table, in order; comments aside.
    fn statements(document: &DocumentMut) -> Vec<(String, String)> {
        let settings = |(table, item): (&str, &Item)| {
            let Item::Table(settings) = item else { return vec![(table.to_owned(), item.to_string())] };
            let statement = |(name, item): (&str, &Item)| {
                let value = item.as_value().unwrap().clone().decorated("", "");
                (table.to_owned(), format!("{name} = {value}"))
            };
            settings.iter().map(statement).collect()
        };
        document.iter().flat_map(settings).collect()
    }
}
