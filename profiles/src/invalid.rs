//! Why a value in a profile was refused, and what to write instead.

/// What is wrong with one value; the reader adds where it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Invalid {
    pub why: String,
    pub instead: Option<String>,
}

impl Invalid {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), instead: None }
    }

    pub(crate) fn instead(self, what: impl Into<String>) -> Self {
        Self { instead: Some(what.into()), ..self }
    }
}
