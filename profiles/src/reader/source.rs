//! The text of a profile, and where each setting stands in it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;

use serde::Serialize;
use toml::de::{DeTable, DeValue};

use crate::credentials::{blot, hide};

/// A profile's text and the place of every key and value, addressed like `cors.origins[1]`.
#[derive(Clone, Debug)]
pub struct Source {
    file: String,
    text: String,
    /// Bytes that are never shown, besides those that look like a secret.
    hidden: Vec<Range<usize>>,
    /// Built when it is first needed: the server starts without it.
    map: OnceLock<Box<Map>>,
}

#[derive(Clone, Debug)]
struct Map {
    /// The text with its secrets hidden; every other byte keeps its place.
    shown: String,
    places: BTreeMap<String, Range<usize>>,
}

/// A place as editors count: lines and columns from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Location {
    pub file: String,
    pub line: usize,
    pub column: usize,
}

impl Source {
    pub(crate) fn new(file: &str, text: &str) -> Self {
        Self { file: file.to_owned(), text: text.to_owned(), hidden: Vec::new(), map: OnceLock::new() }
    }

    /// Hides these bytes in every rendering: they may be a secret of no known shape.
    pub(crate) fn hide(&mut self, span: Range<usize>) {
        self.hidden.push(span);
        self.map = OnceLock::new();
    }

    pub fn file(&self) -> &str {
        &self.file
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The bytes of a setting's value; for an absent setting, those of the nearest table around it.
    pub fn span(&self, path: &str) -> Range<usize> {
        let mut path = path;
        loop {
            if let Some(span) = self.map().places.get(path) {
                return span.clone();
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = &path[..end],
                None => return 0..0,
            }
        }
    }

    pub fn location(&self, path: &str) -> Location {
        let start = self.span(path).start;
        let (line, bytes) = self.line_around(start);
        let column = self.text[bytes.start..start].chars().count() + 1;
        Location { file: self.file.clone(), line, column }
    }

    /// The line on which the setting stands, without its secrets.
    pub fn line(&self, path: &str) -> &str {
        let (_, bytes) = self.line_around(self.span(path).start);
        &self.map().shown[bytes]
    }

    /// The line around a byte: its number, where it begins, and its text without secrets.
    pub(crate) fn shown_line(&self, at: usize) -> (usize, usize, &str) {
        let (number, bytes) = self.line_around(at);
        (number, bytes.start, &self.map().shown[bytes])
    }

    fn map(&self) -> &Map {
        self.map.get_or_init(|| {
            let mut shown = hide(&*self.text);
            self.hidden.iter().for_each(|span| blot(&mut shown, span.clone()));
            let (table, _) = DeTable::parse_recoverable(&self.text);
            let mut places = BTreeMap::new();
            add_table(table.get_ref(), "", &mut places);
            Box::new(Map { shown, places })
        })
    }

    /// The number of the line around a byte, and its bytes without the line break.
    fn line_around(&self, at: usize) -> (usize, Range<usize>) {
        let (before, after) = self.text.split_at(at);
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let end = after.find('\n').map_or(self.text.len(), |newline| at + newline);
        let line = &self.text[start..end];
        (before.matches('\n').count() + 1, start..start + line.trim_end_matches('\r').len())
    }
}

fn add_table(table: &DeTable<'_>, path: &str, places: &mut BTreeMap<String, Range<usize>>) {
    for (key, value) in table {
        add_value(value, &child(path, key.get_ref()), places);
    }
}

fn add_value(value: &toml::Spanned<DeValue<'_>>, path: &str, places: &mut BTreeMap<String, Range<usize>>) {
    places.insert(path.to_owned(), value.span());
    match value.get_ref() {
        DeValue::Table(table) => add_table(table, path, places),
        DeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                add_value(item, &element(path, index), places);
            }
        }
        _ => {}
    }
}

pub(crate) fn child(path: &str, key: &str) -> String {
    // A quoted key such as `"cors.origins"` is not the setting of that path.
    let key = if key.contains(['.', '[']) { format!("{key:?}") } else { key.to_owned() };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

pub(crate) fn element(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}
