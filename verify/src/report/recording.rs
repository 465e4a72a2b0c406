//! The evidence of a run, kept in a file so that it can be judged again without a network.
#![allow(clippy::disallowed_methods, reason = "a recording is a file")]

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::Deserialize;
use serde_json::error::Category;

use crate::model::evidence::Evidence;
use crate::model::redact;

#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    #[error("could not write the evidence to {path}: {error}")]
    Write { path: String, error: std::io::Error },
    #[error("could not read the evidence {path}: {error}")]
    Read { path: String, error: std::io::Error },
    #[error("{path} is not evidence that this version can read: {why}; record it again with --record")]
    Format { path: String, why: String },
    #[error(
        "{path} has the format `{found}`, and this version reads `{}`; record it again with --record, or replay it with the verify that wrote it",
        Evidence::SCHEMA
    )]
    Version { path: String, found: String },
}

pub fn write(evidence: &Evidence, path: &Path) -> Result<(), RecordingError> {
    let text = serde_json::to_string_pretty(evidence).expect("evidence is plain data");
    // Bodies are kept as received: a recording holds any secret that an answer exposed.
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| RecordingError::Write { path: path.display().to_string(), error })
}

pub fn read(path: &Path) -> Result<Evidence, RecordingError> {
    let shown = || path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|error| RecordingError::Read { path: shown(), error })?;
    let refused = |error| RecordingError::Format { path: shown(), why: unreadable(&error) };
    let Header { schema } = serde_json::from_str(&text).map_err(refused)?;
    if schema != Evidence::SCHEMA {
        return Err(RecordingError::Version { path: shown(), found: redact::shown(&schema) });
    }
    serde_json::from_str(&text).map_err(refused)
}

/// The fields of every version of a recording.
#[derive(Deserialize)]
struct Header {
    schema: String,
}

/// A recording is untrusted input, and the library's errors quote it.
fn unreadable(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        Category::Io | Category::Syntax => format!("line {line}, column {column} is not JSON"),
        Category::Eof => format!("it ends before the JSON does, at line {line}"),
        Category::Data => redact::shown(&error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        let file = tempfile::NamedTempFile::new().expect("a file for the test");
        std::fs::write(file.path(), text).expect("the file can be written");
        let refused = read(file.path()).expect_err("it is no recording of this version").to_string();
        refused.replace(&file.path().display().to_string(), "run.json")
    }

    #[test]
    fn another_version_is_refused_by_its_name() {
        let old = r#"{"schema": "plumbline-evidence/1", "exchanges": [[{}, {"answer": {"Missing": "no answer"}}]]}"#;
        assert_eq!(
            refusal(old),
            "run.json has the format `plumbline-evidence/1`, and this version reads `plumbline-evidence/2`; \
             record it again with --record, or replay it with the verify that wrote it"
        );
        let hostile = refusal("{\"schema\": \"plumbline-evidence/\\u001b[2J\"}");
        assert!(hostile.contains("`plumbline-evidence/\\u{1b}[2J`"), "{hostile}");
    }

    #[test]
    fn what_is_no_recording_is_refused_with_the_place_where_it_breaks() {
        assert!(refusal("not JSON").contains("line 1, column 2 is not JSON"), "{}", refusal("not JSON"));
        assert!(refusal("{\"schema\":\n").contains("it ends before the JSON does, at line 2"));
        assert!(refusal("{}").contains("missing field `schema` at line 1"), "{}", refusal("{}"));
    }
}
