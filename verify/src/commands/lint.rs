//! `verify lint`: whether profiles are sound.
#![expect(clippy::disallowed_methods, reason = "profiles are files")]

use jiff::civil::Date;
use profiles::{Declaration, EMBEDDED};

use super::output::show;
use super::{Done, RunError};

pub(super) fn lint(names: &[String], today: Date) -> Result<Done, RunError> {
    let names: Vec<&str> = if names.is_empty() {
        EMBEDDED.iter().map(|(name, _, _)| *name).collect()
    } else {
        names.iter().map(String::as_str).collect()
    };
    let mut wrong = Vec::new();
    for name in names {
        match Declaration::load(name, today) {
            Ok(declaration) if declaration.warnings.is_empty() => {
                show(&format!("{}: sound\n", declaration.source.file()))?;
            }
            Ok(declaration) => wrong.push(declaration.render_warnings()),
            Err(error) => wrong.push(error.to_string()),
        }
    }
    if wrong.is_empty() { Ok(Done::Shown) } else { Err(RunError::Lint(wrong.join("\n\n"))) }
}
