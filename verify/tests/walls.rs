//! The architecture's invariants that the compiler cannot check.
#![allow(clippy::disallowed_methods, reason = "the sources are files")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The rooms of `src`, from the lowest to the highest: a room names only itself and rooms before it.
const ROOMS: &[&str] = &[
    "model",
    "cors",
    "checks",
    "judge",
    "report",
    "reporters",
    "init",
    "prober",
    "launch",
    "drill_runner",
    "cli",
    "commands",
];

/// The rooms that are functions of data, but for the files of [`OUTSIDE`].
const PURE: &[&str] = &["model", "cors", "checks", "judge", "report", "reporters", "init"];

/// The only files that touch the world outside: `clippy.toml` refuses that everywhere, and each of these says why it may.
const OUTSIDE: &[&str] = &[
    "cli.rs",
    "commands/init.rs",
    "commands/lint.rs",
    "commands/mod.rs",
    "commands/output.rs",
    "commands/signal.rs",
    "commands/subject.rs",
    "drill_runner/instance.rs",
    "drill_runner/mod.rs",
    "drill_runner/runner.rs",
    "drill_runner/steps.rs",
    "launch/mod.rs",
    "main.rs",
    "prober/burst.rs",
    "prober/frames.rs",
    "prober/handshake.rs",
    "prober/http.rs",
    "prober/mod.rs",
    "prober/wire.rs",
    "report/recording.rs",
    "report/snapshot.rs",
];

/// Functions that do I/O, or wait for it, by the name in code.
const REACHES_OUTSIDE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io",
    "std::net::Tcp",
    "std::net::Udp",
    "std::net::ToSocketAddrs",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "anstream::",
    "futures_util::",
    "reqwest::",
    "rustls::",
    "rustix::",
    "tempfile::",
    "tokio::",
    "async fn",
    "async move",
    ".await",
    "print!(",
    "println!(",
];

#[test]
fn every_file_stands_in_a_room() {
    for (file, _) in sources() {
        let known = ROOMS.contains(&room(&file)) || ["lib.rs", "main.rs"].contains(&file.as_str());
        assert!(known, "{file} is in no room of `ROOMS`");
    }
}

#[test]
fn no_room_names_a_higher_one() {
    let wrong: Vec<String> = sources().iter().flat_map(|(file, text)| upward(file, text)).collect();
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn an_arrow_upwards_would_be_found() {
    assert_eq!(
        upward("judge/plan.rs", "use crate::model::probe::Probe;\nuse crate::checks;"),
        Vec::<String>::new()
    );
    for (file, text) in [
        ("model/exchange.rs", "use crate::judge::plan::Plan;"),
        ("model/exchange.rs", "/// See [`crate::checks::example`]."),
        ("cors/oracle.rs", "fn all() { crate::checks::all(); }"),
        ("cors/mod.rs", "use super::checks;"),
        ("cors/oracle.rs", "use super::super::checks;"),
        ("model/check.rs", "use crate::{checks, cors};"),
    ] {
        assert_eq!(upward(file, text).len(), 1, "{file}: {text}");
    }
}

#[test]
fn only_these_files_touch_the_world_outside() {
    let excused: BTreeSet<String> = sources()
        .into_iter()
        .filter(|(_, text)| text.contains("clippy::disallowed_methods"))
        .map(|(file, _)| file)
        .collect();
    assert_eq!(excused, OUTSIDE.iter().map(|&file| file.to_owned()).collect());
}

/// An excuse at the top of a `mod.rs` is one for its whole folder.
#[test]
fn only_rooms_that_are_all_outside_are_excused_as_a_whole() {
    let whole: BTreeSet<String> = sources()
        .into_iter()
        .filter(|(file, text)| {
            let inner = ["#![allow(clippy::disallowed", "#![expect(clippy::disallowed"];
            file.ends_with("mod.rs") && inner.iter().any(|excuse| text.contains(excuse))
        })
        .map(|(file, _)| file)
        .collect();
    assert_eq!(whole, ["drill_runner/mod.rs", "launch/mod.rs", "prober/mod.rs"].map(str::to_owned).into());
}

#[test]
fn clippy_names_each_room_that_touches_the_world_outside() {
    let clippy = include_str!("../clippy.toml");
    let (sentence, _) = clippy.split_once("\nallow-").expect("the walls are described first");
    let named: BTreeSet<&str> = sentence.split('`').skip(1).step_by(2).collect();
    let of_pure = |file: &&str| PURE.contains(&room(file));
    let rooms = OUTSIDE.iter().filter(|file| !of_pure(file)).map(|file| room(file));
    let files = OUTSIDE.iter().copied().filter(of_pure);
    assert_eq!(named, rooms.chain(files).collect());
}

#[test]
fn pure_files_name_nothing_that_reaches_outside() {
    for (file, text) in sources() {
        if PURE.contains(&room(&file)) && !OUTSIDE.contains(&file.as_str()) {
            let named: Vec<&&str> = REACHES_OUTSIDE.iter().filter(|name| text.contains(**name)).collect();
            assert!(named.is_empty(), "{file} is pure, and names {named:?}");
        }
    }
}

#[test]
fn no_folder_holds_more_than_a_dozen_files() {
    let mut folders: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for (file, _) in sources() {
        *folders.entry(Path::new(&file).parent().map(Path::to_path_buf).unwrap_or_default()).or_default() +=
            1;
    }
    let crowded: Vec<_> = folders.into_iter().filter(|(_, files)| *files > 12).collect();
    assert_eq!(crowded, Vec::new());
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

/// Why there is no answer has a type, and its words are for people: a better word must not change a verdict.
#[test]
fn no_judgement_reads_the_words_of_a_reason() {
    let texts = ["why", "reason", "missing", "refused", "failure", "observed", "to_string()"];
    let readings =
        ["contains", "starts_with", "ends_with", "strip_prefix", "strip_suffix", "find", "split_once"];
    let phrases: Vec<String> =
        texts.iter().flat_map(|text| readings.map(|reading| format!("{text}.{reading}("))).collect();
    let judging = ["checks/", "cors/", "init/", "judge/", "model/", "prober/", "report/", "reporters/"];
    for (file, source) in sources() {
        if file == "checks/example.rs" || !judging.iter().any(|folder| file.starts_with(folder)) {
            continue;
        }
        // Tests may hold the words themselves to something.
        let judged = source.split("#[cfg(test)]").next().unwrap_or_default();
        for (index, line) in judged.lines().enumerate() {
            let read = phrases.iter().find(|phrase| line.contains(phrase.as_str()));
            assert!(read.is_none(), "{file}:{} reads English back: {}", index + 1, line.trim());
        }
    }
}

#[test]
fn the_server_is_known_to_the_tests_only() {
    let manifest = include_str!("../Cargo.toml");
    let (normal, tests) = manifest.split_once("[dev-dependencies]").expect("there are dev-dependencies");
    assert!(!normal.contains("server") && tests.contains("server.workspace = true"));
    let profiles = include_str!("../../profiles/Cargo.toml");
    assert!(!profiles.contains("server.workspace") && !profiles.contains("verify"));
}

#[test]
fn testkit_knows_no_other_crate_and_the_server_knows_it_in_tests_only() {
    let testkit = include_str!("../../testkit/Cargo.toml");
    let others = ["profiles", "server", "verify"].map(|other| format!("\n{other}.workspace"));
    assert!(!others.iter().any(|other| testkit.contains(other)), "{testkit}");
    let server = include_str!("../../server/Cargo.toml");
    let (normal, tests) = server.split_once("[dev-dependencies]").expect("there are dev-dependencies");
    assert!(!normal.contains("testkit") && tests.contains("testkit.workspace = true"));
}

/// The first folder of a file below `src`, or its own name.
fn room(file: &str) -> &str {
    file.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

/// The places where a file names a higher room, or names one in a form that this test cannot read.
fn upward(file: &str, text: &str) -> Vec<String> {
    let Some(own) = ROOMS.iter().position(|known| *known == room(file)) else {
        return Vec::new();
    };
    // In a room's first file `super` is the whole house; its tests mean the file itself.
    let is_first = !file.contains('/') || file == format!("{}/mod.rs", room(file));
    let mut wrong = Vec::new();
    for line in text.lines() {
        let escapes = is_first && (line.starts_with("use super::") || line.starts_with("pub use super::"));
        let higher = line.split("crate::").skip(1).any(|path| {
            let name: String = path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            !ROOMS[..=own].contains(&name.as_str())
        });
        if escapes || higher || line.contains("super::super") {
            wrong.push(format!("{file}: {}", line.trim()));
        }
    }
    wrong
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
