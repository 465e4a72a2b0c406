//! A profile in the making: the embedded production profile with other values, and with remarks for its reader.
//!
//! Layout, comments and every setting that nobody looked at come from the embedded text, so that a new setting
//! of profiles appears here by itself.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::ops::Range;

use jiff::civil::Date;
use profiles::{Declaration, EMBEDDED, Level, hide_credentials};

use crate::model::redact::shown;

/// Tables whose settings are choices of whoever verifies, not facts about the deployment.
const CHOSEN: &[&str] = &["load", "verify"];

const OUTSIDE: &str = "not visible from outside";

/// Names longer than this are no names, and a profile must stay small enough to be read.
const LONGEST_NAME: usize = 100;
const LONGEST_LIST: usize = 40;

pub(super) struct Draft {
    today: Date,
    template: Template,
    /// What was seen, as TOML, by setting; nothing where an optional setting is not promised.
    seen: BTreeMap<String, Option<String>>,
    /// What deserves thought, by setting.
    doubts: BTreeMap<String, Vec<String>>,
}

/// A profile that loads, as text.
pub struct Written {
    pub text: String,
    pub doubts: Vec<Doubt>,
}

/// What deserves thought, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The line on which the setting stands.
    pub line: usize,
    pub setting: String,
    pub why: String,
}

/// Text of our own in quotes: only values with a grammar, none of which has a quotation mark or a backslash.
pub(super) fn quoted(value: &impl Display) -> String {
    format!("\"{value}\"")
}

impl Draft {
    pub(super) fn new(today: Date) -> Self {
        Self { today, template: Template::new(today), seen: BTreeMap::new(), doubts: BTreeMap::new() }
    }

    /// Takes a value, unless the profile would be refused with it: then says why, and keeps production's.
    pub(super) fn set(&mut self, setting: &str, toml: String) -> Result<(), String> {
        self.put(setting, Some(toml))
    }

    /// Promises nothing of an optional setting.
    pub(super) fn drop(&mut self, setting: &str) -> Result<(), String> {
        self.put(setting, None)
    }

    fn put(&mut self, setting: &str, value: Option<String>) -> Result<(), String> {
        let before = self.seen.insert(setting.to_owned(), value);
        let Err(why) = self.parse(&self.values()) else { return Ok(()) };
        let kept = before.unwrap_or_else(|| Some(self.template.value(setting).to_owned()));
        self.seen.insert(setting.to_owned(), kept);
        Err(why)
    }

    /// Takes a list without what the profile would be refused for, and says of each such thing why.
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
        // Without any entry the list may still be refused; then production's stands.
        if let (true, Err(why)) = (kept.is_empty(), self.set(setting, list(&kept))) {
            refused.push(why);
        }
        refused
    }

    /// Remarks on a setting; what belongs to none that is stated, on the deployment's URL.
    pub(super) fn doubt(&mut self, setting: &str, why: impl AsRef<str>) {
        let known = self.template.settings.iter().find(|known| known.path == setting);
        let setting = known.map_or("deployment.url", |known| known.path.as_str()).to_owned();
        let why = hide_credentials(shown(why.as_ref()).as_str());
        let doubts = self.doubts.entry(setting).or_default();
        if !doubts.contains(&why) {
            doubts.push(why);
        }
    }

    /// The profile so far.
    pub(super) fn declaration(&self) -> Declaration {
        self.parse(&self.values()).expect("each value was taken only if the profile loads with it")
    }

    /// The profile with its remarks. It loads: a remark may quote the target, so that is tried.
    pub(super) fn written(&self, intro: &str) -> Written {
        let remarked = self.render(intro, <[String]>::to_vec);
        if self.parse(&remarked.text).is_ok() {
            return remarked;
        }
        // What the target said looks like a secret even when it is hidden line by line.
        self.render(intro, |_| vec!["what was seen is not repeated here; run verify to see it".to_owned()])
    }

    fn values(&self) -> String {
        let mut text = self.template.text.to_owned();
        for setting in self.template.settings.iter().rev() {
            match self.seen.get(&setting.path) {
                Some(Some(value)) => text.replace_range(setting.value.clone(), value),
                Some(None) => text.replace_range(setting.start..setting.value.end, ""),
                None => {}
            }
        }
        text
    }

    fn parse(&self, text: &str) -> Result<Declaration, String> {
        Declaration::parse("profile.toml", text, self.today).map_err(|refused| {
            let error = refused.problems.into_iter().find(|problem| problem.level == Level::Error);
            error.map(|problem| problem.message).unwrap_or_default()
        })
    }

    fn render(&self, intro: &str, remarks: impl Fn(&[String]) -> Vec<String>) -> Written {
        let Template { text: template, settings } = &self.template;
        let mut text = String::new();
        let mut doubts = Vec::new();
        let mut at = self.head(intro, &mut text);
        while at < template.len() {
            if let Some(setting) = settings.iter().find(|setting| setting.start == at) {
                let remarks =
                    self.doubts.get(&setting.path).map(|doubts| remarks(doubts)).unwrap_or_default();
                text.extend(remarks.iter().map(|remark| comment(remark)));
                let line = text.matches('\n').count() + 1;
                let doubt = |why| Doubt { line, setting: setting.path.clone(), why };
                doubts.extend(remarks.into_iter().map(doubt));
                text.push_str(&self.statement(setting));
                at = line_end(template, setting.value.end) + 1;
                continue;
            }
            let end = line_end(template, at);
            let line = &template[at..end];
            let _ = writeln!(text, "{line}");
            if table(line).is_some_and(|table| self.is_unseen(table)) {
                let _ = writeln!(text, "# {OUTSIDE}: the embedded production profile's values");
            }
            at = end + 1;
        }
        Written { text, doubts }
    }

    /// A setting with its value. What a comment says of production is not said of what was seen elsewhere.
    fn statement(&self, setting: &Setting) -> String {
        let template = self.template.text;
        let key = &template[setting.start..setting.value.start];
        let statement = &template[setting.start..setting.value.end];
        match self.seen.get(&setting.path) {
            Some(Some(seen)) => return format!("{key}{seen}\n"),
            Some(None) => return format!("# {statement}\n"),
            None => {}
        }
        let comment = &template[setting.value.end..line_end(template, setting.value.end)];
        let comment = comment.trim().trim_start_matches('#').trim();
        let marked = !CHOSEN.contains(&setting.table.as_str()) && !self.is_unseen(&setting.table);
        match (marked, comment) {
            (false, "") => format!("{statement}\n"),
            (false, comment) => format!("{statement:<26} # {comment}\n"),
            (true, "") => format!("{statement:<26} # {OUTSIDE}\n"),
            (true, comment) => format!("{statement:<26} # {OUTSIDE}: {comment}\n"),
        }
    }

    /// The lines above the first setting: what editors read stays, what speaks of production does not.
    fn head(&self, intro: &str, text: &mut String) -> usize {
        let template = self.template.text;
        let mut at = 0;
        while template[at..].starts_with('#') {
            let end = line_end(template, at);
            if template[at..].starts_with("#:") {
                text.push_str(&template[at..=end]);
            }
            at = end + 1;
        }
        text.push_str(intro);
        at
    }

    fn is_unseen(&self, table: &str) -> bool {
        let mut settings = self.template.settings.iter().filter(|setting| setting.table == table);
        !CHOSEN.contains(&table) && settings.all(|setting| !self.seen.contains_key(&setting.path))
    }
}

/// The embedded production profile, and where its settings stand.
struct Template {
    text: &'static str,
    settings: Vec<Setting>,
}

struct Setting {
    /// Such as `cors.origins`.
    path: String,
    /// Such as `cors`; empty at the top.
    table: String,
    /// Where its line begins.
    start: usize,
    value: Range<usize>,
}

impl Template {
    fn new(today: Date) -> Self {
        let (_, file, text) = EMBEDDED
            .iter()
            .find(|(name, ..)| *name == "production")
            .expect("production is embedded: asserted in profiles/tests/embedded.rs");
        let declaration =
            Declaration::parse(file, text, today).expect("the embedded profile loads: asserted in its tests");
        let mut settings = Vec::new();
        let (mut at, mut inside) = (0, "");
        while at < text.len() {
            let mut end = line_end(text, at);
            let line = &text[at..end];
            if let Some(table) = table(line) {
                inside = table;
            } else if let Some((key, _)) = line.split_once('=').filter(|(key, _)| is_key(key)) {
                let path = if inside.is_empty() {
                    key.trim().to_owned()
                } else {
                    format!("{inside}.{}", key.trim())
                };
                let value = declaration.source.span(&path);
                end = line_end(text, value.end);
                settings.push(Setting { path, table: inside.to_owned(), start: at, value });
            }
            at = end + 1;
        }
        Self { text, settings }
    }

    fn value(&self, setting: &str) -> &str {
        let known = self.settings.iter().find(|known| known.path == setting);
        known
            .map(|known| &self.text[known.value.clone()])
            .expect("init names settings of the production profile")
    }
}

fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |newline| at + newline)
}

/// `cors` of the line `[cors]`.
fn table(line: &str) -> Option<&str> {
    line.trim().strip_prefix('[')?.strip_suffix(']')
}

fn is_key(text: &str) -> bool {
    let key = text.trim();
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// On one line if it is short.
fn list(items: &[String]) -> String {
    let inline = items.iter().map(quoted).collect::<Vec<_>>().join(", ");
    if inline.len() <= 80 {
        return format!("[{inline}]");
    }
    let lines: Vec<String> = items.iter().map(|item| format!("  {},\n", quoted(item))).collect();
    format!("[\n{}]", lines.concat())
}

/// A remark above its setting, in lines that an editor shows whole.
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
        let refused = draft.set("cors.max_age", quoted(&"48h")).unwrap_err();
        assert!(refused.contains("no browser remembers a preflight longer"), "{refused}");
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
        let (written, template) = (draft.written(""), draft.template.text);
        for setting in &draft.template.settings {
            let statement = &template[setting.start..setting.value.end];
            assert!(written.text.contains(statement), "{} is missing", setting.path);
        }
        let tables = |text: &str| text.lines().filter_map(table).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(tables(&written.text), tables(template));
    }
}
