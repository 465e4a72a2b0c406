//! A profile together with the text from which it was read.

use std::io::{self, IsTerminal as _};
use std::path::Path;

use jiff::civil::Date;

use crate::reader::problem::render_all;
use crate::rule::Facts;
use crate::rules::lint;
use crate::{Level, Problem, Profile, Source, read_file, reader};

/// The embedded profiles: name, path and text. A new one is a file and a line here.
pub const EMBEDDED: &[(&str, &str, &str)] = &[
    ("development", "profiles/development.toml", include_str!("../development.toml")),
    ("production", "profiles/production.toml", include_str!("../production.toml")),
];

#[derive(Clone, Debug)]
pub struct Declaration {
    /// The profile's name: `production` for `profiles/production.toml`.
    pub name: String,
    pub profile: Profile,
    pub source: Source,
    /// Problems that do not refuse the profile, such as an expired waiver.
    pub warnings: Vec<Problem>,
    /// Whether it is one of [`EMBEDDED`]. A file of the same path in another folder is not.
    pub embedded: bool,
}

/// Why there is no declaration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(
        "there is no profile `{name}`; the embedded ones are {}, and a path such as `profiles/staging.toml` works too",
        known()
    )]
    Unknown { name: String },
    #[error("could not read the profile `{path}`: {error}")]
    Unreadable { path: String, error: io::Error },
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// A profile with mistakes.
#[derive(Debug)]
pub struct Refused {
    pub source: Source,
    pub problems: Vec<Problem>,
}

impl Declaration {
    /// The embedded profile of that name, or the file at that path.
    pub fn load(name: &str, today: Date) -> Result<Self, LoadError> {
        if let Some((_, file, text)) = EMBEDDED.iter().find(|(known, _, _)| *known == name) {
            return Ok(Self { embedded: true, ..Self::parse(file, text, today)? });
        }
        if !name.contains(['/', '\\']) && !has_toml_extension(name) {
            return Err(LoadError::Unknown { name: name.to_owned() });
        }
        let text = read_text(name).map_err(|error| LoadError::Unreadable { path: name.to_owned(), error })?;
        Ok(Self::parse(name, &text, today)?)
    }

    /// The name with which [`Declaration::load`] finds it again.
    pub fn named(&self) -> String {
        if self.embedded { self.name.clone() } else { self.source.file().to_owned() }
    }

    pub fn parse(file: &str, text: &str, today: Date) -> Result<Self, Refused> {
        let (source, profile) = reader::read(file, text);
        let profile = match profile {
            Ok(profile) => profile,
            Err(problems) => return Err(Refused { source, problems }),
        };
        let problems = lint(&Facts { profile: &profile, text: source.text(), today });
        if problems.iter().any(|problem| problem.level == Level::Error) {
            return Err(Refused { source, problems });
        }
        let name = Path::new(file)
            .file_stem()
            .map_or_else(|| file.to_owned(), |stem| stem.to_string_lossy().into_owned());
        Ok(Self { name, profile, source, warnings: problems, embedded: false })
    }

    /// The other profiles in the same folder, whose origins this one must not allow. Refused ones are left out:
    /// `verify lint` reports them.
    pub fn siblings(&self, today: Date) -> Vec<Self> {
        if self.embedded {
            return EMBEDDED
                .iter()
                .filter(|(_, file, _)| *file != self.source.file())
                .filter_map(|(_, file, text)| Self::parse(file, text, today).ok())
                .collect();
        }
        let own = Path::new(self.source.file());
        let folder = own.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.file_name() != own.file_name())
            .filter_map(|path| path.to_str().map(str::to_owned))
            .filter(|path| has_toml_extension(path))
            .collect();
        files.sort();
        files.iter().filter_map(|path| Self::load(path, today).ok()).collect()
    }

    /// The warnings as text; empty if there are none.
    pub fn render_warnings(&self) -> String {
        if self.warnings.is_empty() { String::new() } else { render_all(&self.warnings, &self.source, false) }
    }
}

impl Refused {
    pub fn render(&self, color: bool) -> String {
        render_all(&self.problems, &self.source, color)
    }
}

impl std::fmt::Display for Refused {
    /// With colour where standard error, the place for errors, is a terminal.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render(io::stderr().is_terminal()))
    }
}

impl std::error::Error for Refused {}

/// A profile has some 2 KiB. The limit keeps a device or a database dump out.
const LARGEST: u64 = 64 << 10;

fn read_text(path: &str) -> io::Result<String> {
    let bytes = read_file(path, LARGEST).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => io::Error::other(format!("{error}, which no profile needs")),
        _ => error,
    })?;
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8 text"))
}

fn has_toml_extension(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "toml")
}

fn known() -> String {
    EMBEDDED.iter().map(|(name, _, _)| format!("`{name}`")).collect::<Vec<_>>().join(" and ")
}
