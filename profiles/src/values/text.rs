//! Texts with a grammar: methods, field names, paths, variables and check ids.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Invalid;
use super::invalid::quote;
use super::units::text_conversions;

/// An HTTP method, case-sensitive, such as `"GET"` (RFC 9110 section 9.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("format" = "method", "pattern" = "^[A-Z0-9!#$%&'*+.^_`|~-]+$", "examples" = ["GET"]))]
pub struct Method(String);

/// The name of an HTTP field in lower case, such as `"authorization"` (RFC 9110 section 5.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("format" = "field name", "pattern" = "^[a-z0-9!#$%&'*+.^_`|~-]+$", "examples" = ["authorization"]))]
pub struct FieldName(String);

/// An absolute path without query, such as `"/health"` (RFC 3986 section 3.3).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("format" = "path", "pattern" = "^/[A-Za-z0-9._~!$&'()*+,;=:@/-]*$", "examples" = ["/health"]))]
pub struct Path(String);

/// The name of an environment variable, such as `"DATABASE_URL"`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("format" = "variable", "pattern" = "^[A-Z_][A-Z0-9_]*$", "examples" = ["DATABASE_URL"]))]
pub struct Variable(String);

/// The id of a check, or of a family of checks, such as `"cors.reject.null"`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("format" = "check id", "pattern" = "^[a-z0-9-]+(\\.[a-z0-9-]+)*$", "examples" = ["cors.reject.null"]))]
pub struct CheckId(String);

impl FromStr for Method {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        refuse_wildcard(text, "method")?;
        if !is_token(text) {
            return Err(
                Invalid::new(format!("{} is not a method", quote(text))).instead("a method such as \"GET\"")
            );
        }
        let upper = text.to_ascii_uppercase();
        // Fetch, #forbidden-method: no page can send them, and TRACE would echo credentials.
        if ["CONNECT", "TRACE", "TRACK"].contains(&upper.as_str()) {
            return Err(Invalid::new(format!(
                "method `{text}` is forbidden: the Fetch standard lets no page send it"
            ))
            .instead("one that pages may send, such as \"GET\""));
        }
        if text != upper {
            return Err(Invalid::new(format!(
                "method {} has lower case; methods are case-sensitive",
                quote(text)
            ))
            .instead(format!("\"{upper}\"")));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for FieldName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        refuse_wildcard(text, "header")?;
        if !is_token(text) {
            return Err(Invalid::new(format!("{} is not a header name", quote(text)))
                .instead("a name such as \"authorization\""));
        }
        let lower = text.to_ascii_lowercase();
        if text != lower {
            return Err(Invalid::new(format!(
                "header {} has upper case; names are case-insensitive and written here in lower case",
                quote(text)
            ))
            .instead(format!("\"{lower}\"")));
        }
        Ok(Self(lower))
    }
}

impl FromStr for Path {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&b);
        let dots = text.split('/').any(|segment| segment == "." || segment == "..");
        if !text.starts_with('/') || text.contains("//") || dots || !text.bytes().all(allowed) {
            return Err(Invalid::new(format!("{} is not an absolute path", quote(text)))
                .instead("a path such as \"/health\", without query or `..`"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for Variable {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let first = text.bytes().next().is_some_and(|b| b.is_ascii_uppercase() || b == b'_');
        if !first || !text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_') {
            // The text is not repeated: it may be the secret itself, written where its name belongs.
            return Err(Invalid::new("this is not the name of an environment variable")
                .instead("the variable's name, such as \"DATABASE_URL\"; its value stays in the environment")
                .may_be_secret());
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for CheckId {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let part = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        if !text.split('.').all(part) {
            return Err(Invalid::new(format!("{} is not the id of a check", quote(text)))
                .instead("an id from `verify list`, such as \"cors.reject.null\""));
        }
        Ok(Self(text.to_owned()))
    }
}

impl CheckId {
    /// The family of the check.
    pub fn family(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }
}

macro_rules! as_text {
    ($($type:ty),+) => {$(
        impl $type {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

as_text!(Method, FieldName, Path, Variable, CheckId);
text_conversions!(Method, FieldName, Path, Variable, CheckId);

fn refuse_wildcard(text: &str, what: &str) -> Result<(), Invalid> {
    if text == "*" {
        return Err(Invalid::new(format!(
            "`*` names no {what}: with credentials browsers take it literally, without them it allows every {what}"
        ))
        .instead(format!("each {what} by name")));
    }
    Ok(())
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_exact_and_never_forbidden_ones() {
        assert!("PATCH".parse::<Method>().is_ok());
        for text in ["", "get", "TRACE", "CONNECT", "trace", "*", "GE T"] {
            assert!(text.parse::<Method>().is_err(), "{text}");
        }
    }

    #[test]
    fn header_names_are_lower_case_tokens() {
        assert!("x-request-id".parse::<FieldName>().is_ok());
        for text in ["", "X-Request-Id", "*", "a b", "a:b"] {
            assert!(text.parse::<FieldName>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_value_in_the_place_of_a_variable_is_not_repeated() {
        let refused = "postgres://me:hunter2@db".parse::<Variable>().unwrap_err();
        assert!(!format!("{refused:?}").contains("hunter2"));
    }

    #[test]
    fn paths_stay_below_the_root() {
        assert!("/api/health".parse::<Path>().is_ok());
        for text in ["", "health", "/a/../b", "//evil.example", "/a?b", "/a b"] {
            assert!(text.parse::<Path>().is_err(), "{text}");
        }
    }
}
