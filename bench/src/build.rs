//! The measured programs, in release builds.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::contender::Contender;

pub(crate) struct Programs(Vec<PathBuf>);

impl Programs {
    pub(crate) fn build() -> Result<Self, String> {
        let peers = Path::new(env!("CARGO_MANIFEST_DIR"));
        let service = peers.parent().expect("the repository is around it");
        let mut programs = build(peers, &["--bins"])?;
        programs.extend(build(service, &["-p", "server", "--bin", "server"])?);
        Ok(Self(programs))
    }

    pub(crate) fn of(&self, contender: Contender) -> &Path {
        let is_its = |program: &&PathBuf| program.file_name().is_some_and(|name| name == contender.program());
        self.0.iter().find(is_its).expect("cargo has built every contender")
    }
}

/// The programs' paths, which depend on the user's settings; cargo reports them as JSON.
fn build(folder: &Path, what: &[&str]) -> Result<Vec<PathBuf>, String> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(folder).args(["build", "--release", "--locked"]).args(what);
    cargo.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
    // Remove the variables of the outer cargo: ring's build script reads them, so ring and its dependents would be
    // rebuilt each time.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(name);
        }
    }
    let built = cargo.output().map_err(|error| format!("could not run cargo: {error}"))?;
    if !built.status.success() {
        return Err(format!("could not build {}", folder.display()));
    }
    let messages = String::from_utf8_lossy(&built.stdout);
    let programs = messages.lines().filter_map(|message| {
        let (_, rest) = message.split_once(r#""executable":""#)?;
        Some(PathBuf::from(rest.split_once('"')?.0))
    });
    Ok(programs.collect())
}
