//! The walls stand: what the compiler cannot see of the architecture's invariants.
#![allow(clippy::disallowed_methods, reason = "the sources are files")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// `clippy.toml` refuses I/O everywhere; a module that may do it says so, and no other module may say so.
#[test]
fn only_these_modules_touch_the_world_outside() {
    let excused: BTreeSet<String> = sources()
        .into_iter()
        .filter(|(_, text)| text.contains("clippy::disallowed_methods"))
        .map(|(file, _)| file)
        .collect();
    let meant = [
        "cli.rs",
        "commands/init.rs",
        "commands/mod.rs",
        "commands/output.rs",
        "drill_runner/instance.rs",
        "drill_runner/mod.rs",
        "drill_runner/runner.rs",
        "drill_runner/steps.rs",
        "launch/mod.rs",
        "prober/burst.rs",
        "prober/frames.rs",
        "prober/handshake.rs",
        "prober/http.rs",
        "prober/mod.rs",
        "prober/wire.rs",
        "report/recording.rs",
        "report/snapshot.rs",
    ];
    assert_eq!(excused, meant.map(str::to_owned).into());
}

#[test]
fn only_main_knows_exit_codes() {
    let known: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| text.contains("ExitCode") || text.contains("process::exit"))
        .map(|(file, _)| file)
        .collect();
    assert_eq!(known, ["main.rs"]);
}

#[test]
fn the_server_is_known_to_the_tests_only() {
    let manifest = include_str!("../Cargo.toml");
    let (normal, tests) = manifest.split_once("[dev-dependencies]").expect("there are dev-dependencies");
    assert!(!normal.contains("server") && tests.contains("server.workspace = true"));
    let profiles = include_str!("../../profiles/Cargo.toml");
    assert!(!profiles.contains("server.workspace") && !profiles.contains("verify"));
}

/// Every source file, by its path below `src`.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders: Vec<PathBuf> = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the sources can be listed").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).expect("listed below the root").display().to_string();
                sources.push((name, std::fs::read_to_string(&path).expect("sources are text")));
            }
        }
    }
    assert!(sources.len() > 40, "only {} sources were found", sources.len());
    sources
}
