//! The user of PostgreSQL and PgBouncer, which refuse to run as root.
//!
//! Root starts them as the user `nobody`, through the system's own functions; any other user starts them as itself.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::error::StartError;

/// The user and the group `nobody`.
const NOBODY: u32 = 65_534;

/// A command that does not run as root. It starts in `/`, since other users may not have access to a test's folder.
pub(crate) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// A temporary folder that such a command may use.
pub(crate) fn folder() -> Result<TempDir, StartError> {
    let made = TempDir::with_prefix("plumbline-").and_then(|folder| give(folder.path()).map(|()| folder));
    made.map_err(StartError::system("make a temporary folder"))
}

/// A file that only such a command may read, as servers require for their keys.
pub(crate) fn private_file(folder: &Path, name: &str, text: &str) -> Result<PathBuf, StartError> {
    let file = folder.join(name);
    fs::write(&file, text)
        .and_then(|()| fs::set_permissions(&file, Permissions::from_mode(0o600)))
        .and_then(|()| give(&file))
        .map_err(StartError::file("write", &file))?;
    Ok(file)
}

fn give(path: &Path) -> io::Result<()> {
    if is_root() { chown(path, Some(NOBODY), Some(NOBODY)) } else { Ok(()) }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
