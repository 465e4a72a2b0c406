//! Reports for people and for machines. A new reporter is a file and a line in the table.

mod human;
mod json;

use std::str::FromStr;

use crate::report::Report;

/// A reporter renders the whole report as text; writing it is the caller's business.
pub struct Reporter {
    pub name: &'static str,
    pub about: &'static str,
    pub render: fn(&Report<'_>) -> String,
}

pub const REPORTERS: &[&Reporter] = &[&human::REPORTER, &json::REPORTER];

/// `--report FORMAT[=PATH]`.
#[derive(Clone)]
pub struct Destination {
    pub reporter: &'static Reporter,
    /// Standard output when absent.
    pub path: Option<std::path::PathBuf>,
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, path) = text.split_once('=').map_or((text, None), |(name, path)| (name, Some(path)));
        let reporter = REPORTERS.iter().find(|reporter| reporter.name == name).ok_or_else(|| {
            let known: Vec<String> =
                REPORTERS.iter().map(|reporter| format!("{} ({})", reporter.name, reporter.about)).collect();
            format!("`{name}` is not a report format; choose {}", known.join(" or "))
        })?;
        if path.is_some_and(str::is_empty) {
            return Err(format!("`{text}` names no file after the `=`"));
        }
        Ok(Self { reporter, path: path.map(Into::into) })
    }
}
