//! Secrets: values that can be used, but not printed, logged or serialised.

/// A secret value from the environment. It implements neither `Debug` nor `Display` nor `Serialize`:
///
/// ```compile_fail
/// println!("{:?}", server::Secret::new("hunter2"));
/// ```
/// ```compile_fail
/// println!("{}", server::Secret::new("hunter2"));
/// ```
#[derive(Clone)]
pub struct Secret(String);

/// Why a value cannot be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecretError {
    Empty,
    Placeholder,
}

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The plain value, for the one caller that needs it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn error(&self) -> Option<SecretError> {
        let value = self.0.trim();
        if value.is_empty() {
            return Some(SecretError::Empty);
        }
        is_placeholder(value).then_some(SecretError::Placeholder)
    }
}

/// Whether the value is a placeholder: a word of `.env.example` files, or an unexpanded variable.
pub(crate) fn is_placeholder(value: &str) -> bool {
    let value = value.trim().to_ascii_lowercase();
    let first = value.chars().next();
    let one_character = value.len() >= 3 && value.chars().all(|c| Some(c) == first);
    one_character
        || WORDS.contains(&value.as_str())
        || STARTS.iter().any(|start| value.starts_with(start))
        || PARTS.iter().any(|part| value.contains(part))
        || (value.contains('<') && value.contains('>'))
}

const WORDS: &[&str] = &[
    "default",
    "dummy",
    "example",
    "fixme",
    "none",
    "null",
    "pass",
    "passwd",
    "password",
    "placeholder",
    "sample",
    "secret",
    "string",
    "tbd",
    "todo",
    "token",
    "undefined",
];
const STARTS: &[&str] =
    &["your-", "your_", "your ", "my-secret", "my_secret", "insert-", "insert_", "example-"];
const PARTS: &[&str] =
    &["changeme", "change-me", "change_me", "change-this", "replaceme", "replace-me", "replace_me", "${"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_for_a_secret_is_a_placeholder() {
        for value in [
            "changeme",
            "ChangeMe",
            "changeme123",
            "your-secret-key",
            "<paste here>",
            "xxx",
            "xxxxxxxx",
            "***",
            "todo",
            "example",
            "password",
            "secret",
            "  secret  ",
            "${{Postgres.DATABASE_URL}}",
            "postgresql://<user>:<password>@<host>/<database>",
            "...",
        ] {
            assert_eq!(Secret::new(value).error(), Some(SecretError::Placeholder), "{value}");
        }
    }

    #[test]
    fn what_the_example_file_shows_is_a_placeholder() {
        let line =
            include_str!("../../../.env.example").lines().find(|line| line.starts_with("DATABASE_URL="));
        let value = line.unwrap().trim_start_matches("DATABASE_URL=").trim_matches('\'');
        assert_eq!(Secret::new(value).error(), Some(SecretError::Placeholder));
    }

    #[test]
    fn nothing_is_no_secret() {
        for value in ["", " ", "\n"] {
            assert_eq!(Secret::new(value).error(), Some(SecretError::Empty));
        }
    }

    #[test]
    fn a_real_value_is_a_secret() {
        for value in ["n7Jq0Zt5", "postgresql://app:n7Jq0Zt5@db.internal/app", "secretariat-4711"] {
            assert_eq!(Secret::new(value).error(), None, "{value}");
        }
    }
}
