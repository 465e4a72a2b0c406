//! The command line: exit codes, and one error for every mistake.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test sets itself up, and says where it cannot"
)]

/// A file for each command, or for what is true of all of them.
mod command_line {
    mod arguments;
    mod check;
    mod launch;
    mod plan;
    mod replay;
    mod report;
}

mod support;

use std::time::Duration;

use support::Distort;
use support::command::{Ended, verify};
use tempfile::TempDir;

const SOUND: Distort = |_, _| {};

/// Retries until there is a result.
async fn until<T>(look: impl Fn() -> Option<T>) -> T {
    for _ in 0..500 {
        if let Some(seen) = look() {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("nothing was seen within 10 s");
}

/// A folder with a profile: production's with the given addition.
fn folder(added: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("profile.toml"),
        format!("{}{added}", include_str!("../../profiles/production.toml")),
    )
    .unwrap();
    folder
}

async fn run(folder: &TempDir, url: &str, more: &[&str]) -> Ended {
    let mut arguments = vec!["--profile", "profile.toml", "--url", url];
    arguments.extend(more);
    verify(folder.path(), &arguments).await
}

/// Launches a command that stands in the profile as TOML list items.
async fn launch(command: &str, ready: &str) -> (Ended, TempDir) {
    let folder = folder("");
    (launch_in(&folder, command, ready).await, folder)
}

async fn launch_in(folder: &TempDir, command: &str, ready: &str) -> Ended {
    replace(folder, "build = ", "build = []\n");
    replace(folder, "command = ", &format!("command = [{command}]\n"));
    replace(folder, "ready = ", &format!("ready = \"{ready}\"\n"));
    replace(folder, "drain_timeout = ", "drain_timeout = \"1s\"\n");
    verify(folder.path(), &["--profile", "profile.toml", "--launch", "--snapshots", "off"]).await
}

/// Replaces the line of the profile that begins so.
fn replace(folder: &TempDir, begins: &str, with: &str) {
    let file = folder.path().join("profile.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: String = text
        .lines()
        .map(|line| if line.starts_with(begins) { with.to_owned() } else { format!("{line}\n") })
        .collect();
    std::fs::write(file, lines).unwrap();
}
