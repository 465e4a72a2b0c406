//! From a command line to the subject of a run: the profile, the target, and headers and authority for it.
#![expect(
    clippy::disallowed_methods,
    reason = "profiles are files, and so is the folder that a candidate is built in"
)]

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use profiles::{Declaration, Origin};

use super::RunError;
use super::output::tell;
use crate::cli::CheckArguments;
use crate::model::check::{Needs, Subject};
use crate::prober::ProbeOptions;

pub(super) fn declaration(name: Option<&str>, today: Date) -> Result<Declaration, RunError> {
    let declaration = Declaration::load(name.ok_or(RunError::NoProfile)?, today)?;
    if !declaration.warnings.is_empty() {
        tell(&declaration.render_warnings());
    }
    Ok(declaration)
}

pub(super) fn subject(
    declaration: &Declaration,
    target: Origin,
    expected_release: Option<String>,
    allows: Needs,
    today: Date,
) -> Subject<'_> {
    let siblings = declaration.siblings(today);
    let foreign = siblings.iter().flat_map(|sibling| {
        sibling.profile.cors.origins.iter().map(|origin| (sibling.name.clone(), origin.clone()))
    });
    Subject { declaration, target, foreign: foreign.collect(), expected_release, allows }
}

pub(super) fn target(arguments: &CheckArguments, declaration: &Declaration) -> Result<Origin, RunError> {
    match &arguments.url {
        Some(url) => parse_target(url),
        None => Ok(declaration.profile.deployment.url.clone()),
    }
}

/// A URL as people paste it: a slash at the end is allowed, a path is not.
pub(super) fn parse_target(text: &str) -> Result<Origin, RunError> {
    let origin = text.strip_suffix('/').unwrap_or(text).parse();
    origin.map_err(|invalid: profiles::Invalid| RunError::Url(invalid.why))
}

pub(super) fn options(headers: &[String], ca: Option<&Path>) -> Result<ProbeOptions, RunError> {
    let headers = headers.iter().map(|header| split(header)).collect::<Result<_, _>>()?;
    Ok(ProbeOptions { headers, ca: ca.map(Path::to_path_buf), plain_port: None, timeout: None })
}

/// `Name: value`. The text is not repeated in an error: it may be a key.
fn split(header: &str) -> Result<(String, String), RunError> {
    let (name, value) = header.split_once(':').ok_or(RunError::Header)?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

pub(super) fn loopback(port: u16) -> Origin {
    format!("http://127.0.0.1:{port}").parse().expect("a loopback address with a port is an origin")
}

/// The repository's root for embedded profiles, the current folder for others.
pub(super) fn root(declaration: &Declaration) -> PathBuf {
    let here = PathBuf::from(".");
    if !declaration.embedded {
        return here;
    }
    // Built in the repository, run from anywhere.
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().filter(|root| root.join("profiles").is_dir()).map_or(here, Path::to_path_buf)
}
