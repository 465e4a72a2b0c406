//! Observed behaviour compared with reviewed files, which `cargo insta review` shows and accepts.
//!
//! insta's own assertions panic, print to standard output and change with the environment variable `CI`, so
//! only its file format and reader are used: a drift is data here.
#![allow(clippy::disallowed_methods, reason = "snapshots are files")]

use std::path::Path;

use insta::Snapshot;
use insta::internals::SnapshotContents;
use similar::TextDiff;

use crate::report::observed::{Drift, Observed, Snapshots};

/// The mode of snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Mode {
    /// Compare, and leave a `.snap.new` for review where something differs.
    Check,
    /// Accept the observed behaviour.
    Update,
    Off,
}

/// Compares every subject with its file in `folder`.
pub fn hold(folder: &Path, subjects: &[Observed], mode: Mode) -> Snapshots {
    let mut snapshots = Snapshots::default();
    for subject in subjects {
        let file = folder.join(format!("{}.snap", subject.name));
        let pending = folder.join(format!("{}.snap.new", subject.name));
        let accepted = accepted(&file);
        let name = subject.name.to_owned();
        let same = accepted.as_deref().is_some_and(|accepted| accepted.trim_end() == subject.text.trim_end());
        if same {
            // A drift of an earlier run that is gone needs no review.
            let _ = std::fs::remove_file(&pending);
            snapshots.unchanged.push(name);
            continue;
        }
        let target = if mode == Mode::Update { &file } else { &pending };
        if let Err(error) = write(folder, target, subject) {
            snapshots.unwritten.push(format!("could not write {}: {error}", target.display()));
        } else if mode == Mode::Update {
            let _ = std::fs::remove_file(&pending);
            snapshots.unchanged.push(name);
            continue;
        }
        match accepted {
            Some(accepted) => snapshots.drifted.push(Drift { name, diff: diff(&accepted, &subject.text) }),
            None => snapshots.unseen.push(name),
        }
    }
    snapshots
}

fn accepted(file: &Path) -> Option<String> {
    let snapshot = Snapshot::from_file(file).ok()?;
    match snapshot.contents() {
        SnapshotContents::Text(text) => Some(text.to_string()),
        SnapshotContents::Binary(_) => None,
    }
}

/// In insta's file format: metadata as YAML between `---` lines, then the text.
fn write(folder: &Path, file: &Path, subject: &Observed) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(
        file,
        format!(
            "---\nsource: verify/src/observed.rs\ndescription: {}\n---\n{}\n",
            subject.description,
            subject.text.trim_end()
        ),
    )
}

fn diff(accepted: &str, observed: &str) -> String {
    let accepted = format!("{}\n", accepted.trim_end());
    let observed = format!("{}\n", observed.trim_end());
    TextDiff::from_lines(&accepted, &observed)
        .unified_diff()
        .context_radius(2)
        .header("accepted", "observed")
        .to_string()
}
