//! One mistake in a profile, underlined in the user's file.

use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level as Title, Renderer, Snippet};

use crate::Source;
use crate::credentials::hide;

/// What is wrong, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub level: Level,
    pub place: Place,
    pub message: String,
    /// The advice: `write "https://app.example.com"`.
    pub instead: Option<String>,
    /// The rule that found it; a mistake of form has none.
    pub rule: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The profile is accepted.
    Warning,
    /// The profile is refused.
    Error,
}

/// Where a problem is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// At a setting, such as `cors.origins[1]`.
    Setting(String),
    /// At these bytes of the file.
    Bytes(Range<usize>),
}

impl Problem {
    pub(crate) fn error(setting: impl Into<String>, message: impl Into<String>) -> Self {
        Self::at(Place::Setting(setting.into()), message)
    }

    pub(crate) fn at(place: Place, message: impl Into<String>) -> Self {
        Self { level: Level::Error, place, message: hide(message), instead: None, rule: None }
    }

    pub(crate) fn warning(self) -> Self {
        Self { level: Level::Warning, ..self }
    }

    /// Advice, as a clause that begins with a verb.
    pub(crate) fn instead(self, advice: impl Into<String>) -> Self {
        Self { instead: Some(hide(advice)), ..self }
    }

    pub fn span(&self, source: &Source) -> Range<usize> {
        match &self.place {
            Place::Setting(path) => source.span(path),
            Place::Bytes(span) => span.clone(),
        }
    }

    /// The problem with its line, in the form of a compiler's message.
    pub fn render(&self, source: &Source, color: bool) -> String {
        let level = match self.level {
            Level::Error => Title::ERROR,
            Level::Warning => Title::WARNING,
        };
        let title = level.primary_title(&self.message);
        let title = match self.rule {
            Some(rule) => title.id(rule),
            None => title,
        };
        let span = self.span(source);
        let (number, start, line) = source.shown_line(span.start);
        // Of a table, which spans many lines, the first is shown.
        let underlined = span.start.min(start + line.len()) - start..span.end.min(start + line.len()) - start;
        let snippet = Snippet::source(line)
            .line_start(number)
            .path(source.file())
            .annotation(AnnotationKind::Primary.span(underlined));
        let report = title.element(snippet);
        let report: Group<'_> = match &self.instead {
            Some(instead) => report.element(Title::HELP.message(printable(instead))),
            None => report,
        };
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        // The renderer replaces other control characters, but not C1 (ECMA-48): U+009B begins a command as ESC [ does.
        renderer.render(&[report]).replace(|c| ('\u{80}'..='\u{9f}').contains(&c), "\u{fffd}")
    }
}

/// Every problem in the order of the file, then their number.
pub(crate) fn render_all(problems: &[Problem], source: &Source, color: bool) -> String {
    let mut ordered: Vec<&Problem> = problems.iter().collect();
    ordered.sort_by_cached_key(|problem| (problem.span(source).start, problem.span(source).end));
    let mut text = String::new();
    for problem in &ordered {
        let _ = writeln!(text, "{}\n", problem.render(source, color));
    }
    let _ = write!(text, "{} in {}", count(problems), source.file());
    text
}

/// `2 problems`, `1 warning`, or `1 problem and 1 warning`.
fn count(problems: &[Problem]) -> String {
    let of = |level| problems.iter().filter(|problem| problem.level == level).count();
    let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    match (of(Level::Error), of(Level::Warning)) {
        (errors, 0) => count(errors, "problem"),
        (0, warnings) => count(warnings, "warning"),
        (errors, warnings) => format!("{} and {}", count(errors, "problem"), count(warnings, "warning")),
    }
}

/// Escapes control characters, which a terminal would obey.
fn printable(advice: &str) -> String {
    advice
        .chars()
        .flat_map(|c| if c.is_control() && c != '\n' { c.escape_debug().collect() } else { vec![c] })
        .collect()
}
