//! The evidence of a run, kept in a file so that it can be judged again without a network.
#![allow(clippy::disallowed_methods, reason = "a recording is a file")]

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::model::evidence::Evidence;

#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    #[error("could not write the evidence to {path}: {error}")]
    Write { path: String, error: std::io::Error },
    #[error("could not read the evidence {path}: {error}")]
    Read { path: String, error: std::io::Error },
    #[error("{path} is not evidence that this version can read: {why}; record it again with --record")]
    Format { path: String, why: String },
}

pub fn write(evidence: &Evidence, path: &Path) -> Result<(), RecordingError> {
    let text = serde_json::to_string_pretty(evidence).expect("evidence is plain data");
    // Bodies are kept as they were received: if something secret was public, it is in here.
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| RecordingError::Write { path: path.display().to_string(), error })
}

pub fn read(path: &Path) -> Result<Evidence, RecordingError> {
    let shown = || path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|error| RecordingError::Read { path: shown(), error })?;
    let evidence: Evidence = serde_json::from_str(&text)
        .map_err(|error| RecordingError::Format { path: shown(), why: error.to_string() })?;
    if evidence.schema != Evidence::SCHEMA {
        let why = format!("its schema is `{}`, not `{}`", evidence.schema, Evidence::SCHEMA);
        return Err(RecordingError::Format { path: shown(), why });
    }
    Ok(evidence)
}
