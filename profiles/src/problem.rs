//! One thing that is wrong with a profile, underlined in the user's own file.

use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level as Title, Renderer, Snippet};

use crate::{Invalid, Source};

/// What is wrong, where, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub level: Level,
    pub place: Place,
    pub message: String,
    pub instead: Option<String>,
    /// The rule that found it, for `verify lint`; problems of reading have none.
    pub rule: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The profile still holds; someone should act.
    Warning,
    /// The profile is refused.
    Error,
}

/// Where the problem stands.
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
        Self { level: Level::Error, place, message: message.into(), instead: None, rule: None }
    }

    pub(crate) fn invalid(setting: impl Into<String>, invalid: Invalid) -> Self {
        Self { instead: invalid.instead, ..Self::error(setting, invalid.why) }
    }

    pub(crate) fn warning(self) -> Self {
        Self { level: Level::Warning, ..self }
    }

    pub(crate) fn instead(self, what: impl Into<String>) -> Self {
        Self { instead: Some(what.into()), ..self }
    }

    pub fn span(&self, source: &Source) -> Range<usize> {
        match &self.place {
            Place::Setting(path) => source.span(path),
            Place::Bytes(span) => span.clone(),
        }
    }

    /// The problem with the line it stands on, in the form that compilers have made familiar.
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
        let snippet = Snippet::source(source.text())
            .path(source.file())
            .annotation(AnnotationKind::Primary.span(first_line(self.span(source), source.text())));
        let mut report: Vec<Group<'_>> = vec![title.element(snippet)];
        if let Some(instead) = &self.instead {
            let help = format!("write {instead}");
            report[0] = std::mem::replace(&mut report[0], Group::with_level(Title::HELP))
                .element(Title::HELP.message(help));
        }
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&report)
    }
}

/// Every problem in the order of the file, and a closing count.
pub(crate) fn render_all(problems: &[Problem], source: &Source, color: bool) -> String {
    let mut ordered: Vec<&Problem> = problems.iter().collect();
    ordered.sort_by_key(|problem| (problem.span(source).start, problem.span(source).end));
    let mut text = String::new();
    for problem in &ordered {
        let _ = writeln!(text, "{}\n", problem.render(source, color));
    }
    text.push_str(&count(ordered.len(), source.file()));
    text
}

fn count(problems: usize, file: &str) -> String {
    match problems {
        1 => format!("1 problem in {file}"),
        many => format!("{many} problems in {file}"),
    }
}

/// A table spans many lines; its first says enough.
fn first_line(span: Range<usize>, text: &str) -> Range<usize> {
    let end = text[span.clone()].find('\n').map_or(span.end, |newline| span.start + newline);
    span.start..end
}
