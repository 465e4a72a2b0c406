//! Why a value in a profile was refused, and what to write instead.

use crate::credentials::hide;

/// What is wrong with one value; the reader adds where it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Invalid {
    pub why: String,
    /// What to write instead: `"https://app.example.com"`, or `a name such as "authorization"`.
    pub instead: Option<String>,
    /// The value may be a secret of no known shape: no report shows it.
    pub(crate) may_be_secret: bool,
}

impl Invalid {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), instead: None, may_be_secret: false }
    }

    pub(crate) fn instead(self, what: impl Into<String>) -> Self {
        Self { instead: Some(what.into()), ..self }
    }

    pub(crate) fn may_be_secret(self) -> Self {
        Self { may_be_secret: true, ..self }
    }
}

/// The value in backticks, without its secrets, and only the beginning of a long one.
pub(crate) fn quote(value: &str) -> String {
    let value = hide(value);
    match value.char_indices().nth(80) {
        Some((end, _)) => format!("`{}…`", &value[..end]),
        None => format!("`{value}`"),
    }
}
