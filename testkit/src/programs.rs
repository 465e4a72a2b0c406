//! The paths of the programs: on PATH, or in Debian's folders outside it.

use std::path::{Path, PathBuf};

use crate::error::StartError;

/// Contains a folder for each version: `15/bin`.
const DEBIAN: &str = "/usr/lib/postgresql";
/// The folder of server programs, which is not on every user's PATH.
const SBIN: &str = "/usr/sbin";

/// The folder of `initdb`, `postgres`, `pg_ctl` and `psql`.
pub(crate) fn postgresql() -> Result<PathBuf, StartError> {
    let versions = std::fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let newest = versions.map(|version| version.path().join("bin/initdb")).filter(|initdb| initdb.exists());
    let newest = newest.max_by_key(|initdb| version(initdb));
    // Resolve a link on PATH to the folder that has the other programs too.
    let initdb = on_path("initdb").or(newest).and_then(|initdb| initdb.canonicalize().ok());
    initdb.as_deref().and_then(Path::parent).map(Path::to_path_buf).ok_or(StartError::Missing {
        program: "initdb",
        elsewhere: DEBIAN,
        package: "postgresql",
    })
}

pub(crate) fn pgbouncer() -> Result<PathBuf, StartError> {
    let elsewhere = || Some(Path::new(SBIN).join("pgbouncer")).filter(|program| program.exists());
    on_path("pgbouncer").or_else(elsewhere).ok_or(StartError::Missing {
        program: "pgbouncer",
        elsewhere: SBIN,
        package: "pgbouncer",
    })
}

#[expect(clippy::disallowed_methods, reason = "a program's name is resolved by PATH, as for any command")]
fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|program| program.exists())
}

/// `15` of `/usr/lib/postgresql/15/bin/initdb`.
fn version(initdb: &Path) -> Option<u32> {
    initdb.ancestors().nth(2)?.file_name()?.to_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        let initdb = |version: &str| Path::new(DEBIAN).join(version).join("bin/initdb");
        assert!(version(&initdb("9")) < version(&initdb("15")));
        assert_eq!(version(&initdb("devel")), None);
    }
}
