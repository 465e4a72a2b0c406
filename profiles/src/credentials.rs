//! Secrets, recognised by their shape in any text: the linter refuses them, and every rendering hides them.

use std::ops::Range;

use memchr::{memchr2_iter, memmem};

/// A secret in a text: what it is, and the bytes that must not be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) what: &'static str,
    pub(crate) span: Range<usize>,
}

/// Keys whose issuers mark them: the mark, the fewest characters after it, and whose key it is.
const MARKED: &[(&str, usize, &str)] = &[
    ("AGE-SECRET-KEY-", 20, "an age key"),
    ("AIza", 30, "a Google API key"),
    ("AKIA", 16, "an AWS access key"),
    ("ASIA", 16, "an AWS access key"),
    ("SG.", 40, "a SendGrid key"),
    ("eyJ", 30, "a JSON Web Token"),
    ("gho_", 16, "a GitHub token"),
    ("ghp_", 16, "a GitHub token"),
    ("ghr_", 16, "a GitHub token"),
    ("ghs_", 16, "a GitHub token"),
    ("ghu_", 16, "a GitHub token"),
    ("github_pat_", 16, "a GitHub token"),
    ("glpat-", 16, "a GitLab token"),
    ("hf_", 30, "a Hugging Face token"),
    ("napi_", 16, "a Neon API key"),
    ("npg_", 8, "a Neon password"),
    ("npm_", 30, "an npm token"),
    ("pypi-", 40, "a PyPI token"),
    ("rk_live_", 10, "a Stripe key"),
    ("sk-", 20, "an API key"),
    ("sk_live_", 10, "a Stripe key"),
    ("sk_test_", 10, "a Stripe key"),
    ("whsec_", 16, "a webhook secret"),
    ("xoxb-", 16, "a Slack token"),
    ("xoxp-", 16, "a Slack token"),
];

/// Endings of names whose value is a secret: `JWT_SECRET=…`, `password = "…"`.
const NAMES: &[&str] = &[
    "access_key",
    "api_key",
    "api-key",
    "apikey",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "pwd",
    "secret",
    "secret_key",
    "signing_key",
    "token",
];

const BEGIN: &str = "-----BEGIN ";

/// Longer than any connection URL or name; keeps the search linear in the text.
const LONGEST_URL: usize = 1024;
const LONGEST_VALUE: usize = 4096;
const LONGEST_NAME: usize = 64;

/// Every secret in the text, in order. Overlapping ones are merged.
pub(crate) fn find(text: &str) -> Vec<Credential> {
    let mut all: Vec<Credential> =
        private_keys(text).chain(urls(text)).chain(marked(text)).chain(assigned(text)).collect();
    all.sort_by_key(|found| found.span.start);
    all.dedup_by(|later, earlier| {
        let overlap = later.span.start < earlier.span.end;
        if overlap {
            earlier.span.end = earlier.span.end.max(later.span.end);
        }
        overlap
    });
    all
}

/// The kind of the first unmistakable credential in the text: a private key, a URL with a password, a key with its
/// issuer's mark. A name such as `token` is no proof.
pub fn unmistakable_credential(text: &str) -> Option<&'static str> {
    private_keys(text).chain(urls(text)).chain(marked(text)).map(|found| found.what).next()
}

/// The text with each byte of a secret replaced by an asterisk.
pub fn hide(text: impl Into<String>) -> String {
    let text: String = text.into();
    let mut shown = String::with_capacity(text.len());
    let mut after = 0;
    for found in find(&text) {
        shown.push_str(&text[after..found.span.start]);
        shown.push_str(&stars(&text[found.span.clone()]));
        after = found.span.end;
    }
    shown + &text[after..]
}

/// Whether advice about a text repeats one of its secrets, in any case.
pub(crate) fn repeats_secret(advice: &str, text: &str) -> bool {
    let advice = advice.to_lowercase();
    find(text).into_iter().any(|found| advice.contains(&text[found.span].to_lowercase()))
}

/// Replaces each byte of the span by an asterisk, so that every other byte keeps its place; line breaks stay.
pub(crate) fn blot(text: &mut String, span: Range<usize>) {
    let stars = stars(&text[span.clone()]);
    text.replace_range(span, &stars);
}

fn stars(secret: &str) -> String {
    secret.bytes().map(|b| if b == b'\n' || b == b'\r' { char::from(b) } else { '*' }).collect()
}

fn private_keys(text: &str) -> impl Iterator<Item = Credential> {
    let mut searched = 0;
    occurrences(text, BEGIN).filter_map(move |start| {
        if start < searched {
            return None;
        }
        let label = word(&text[start + BEGIN.len()..], LONGEST_NAME, |b| b != b'-');
        if !label.ends_with("PRIVATE KEY") {
            return None;
        }
        searched = text[start..].find("-----END").map_or(text.len(), |end| start + end);
        Some(Credential { what: "a private key", span: start..searched })
    })
}

/// Passwords in URLs. One that contains an unescaped `@` or `/` is hidden as well.
fn urls(text: &str) -> impl Iterator<Item = Credential> {
    occurrences(text, "://").filter_map(|at| {
        let start = at + "://".len();
        let url = word(&text[start..], LONGEST_URL, |b| !b.is_ascii_whitespace() && !b"\"'`".contains(&b));
        let userinfo = &url[..url.rfind('@')?];
        let (user, password) = userinfo.split_once(':')?;
        // `https://host:8443/@scope` names a port, not a password.
        let port = password.split_once('/').is_some_and(|(p, _)| p.parse::<u16>().is_ok());
        if port || user.contains(['/', '?', '#']) {
            return None;
        }
        let end = start + userinfo.len();
        (!is_placeholder(password))
            .then(|| Credential { what: "a URL with a password", span: end - password.len()..end })
    })
}

fn marked(text: &str) -> impl Iterator<Item = Credential> {
    MARKED.iter().flat_map(move |(mark, least, what)| {
        let mut searched = 0;
        occurrences(text, mark).filter_map(move |at| {
            let inside_a_word = text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
            if at < searched || inside_a_word {
                return None;
            }
            let start = at + mark.len();
            let key =
                word(&text[start..], LONGEST_VALUE, |b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
            searched = start + key.len();
            (key.len() >= *least).then_some(Credential { what, span: start..searched })
        })
    })
}

/// `name=value` without spaces, or a quoted value after `=` or `:`.
fn assigned(text: &str) -> impl Iterator<Item = Credential> {
    memchr2_iter(b'=', b':', text.as_bytes()).filter_map(|at| {
        let before = text[..at].trim_end_matches([' ', '\t']);
        let before = before.strip_suffix(['"', '\'']).unwrap_or(before);
        let is_name = |b: &u8| b.is_ascii_alphanumeric() || b"_-".contains(b);
        let length = before.bytes().rev().take(LONGEST_NAME).take_while(is_name).count();
        let name = &before.as_bytes()[before.len() - length..];
        if !NAMES.iter().any(|secret| ends_with(name, secret.as_bytes())) {
            return None;
        }
        let (sign, after) = text[at..].split_at(1);
        let written = after.trim_start_matches([' ', '\t']);
        let adjacent = sign == "=" && before.len() == at && written.len() == after.len();
        let (rest, value) = match written.chars().next()? {
            quote @ ('"' | '\'') => {
                let triple = String::from(quote).repeat(3);
                let rest = written.strip_prefix(&triple).unwrap_or(&written[1..]);
                (rest, word(rest, LONGEST_VALUE, |b| char::from(b) != quote && b != b'\n'))
            }
            _ if adjacent => (
                written,
                word(written, LONGEST_VALUE, |b| !b.is_ascii_whitespace() && !b"\"'`&,;".contains(&b)),
            ),
            _ => return None,
        };
        let start = text.len() - rest.len();
        (!is_placeholder(value))
            .then(|| Credential { what: "the value of a secret", span: start..start + value.len() })
    })
}

/// Whether the name ends so, in any case.
fn ends_with(name: &[u8], end: &[u8]) -> bool {
    name.len() >= end.len() && name[name.len() - end.len()..].eq_ignore_ascii_case(end)
}

/// Where the piece stands. `memmem` compares vectors: every start searches the profile for thirty pieces.
fn occurrences(text: &str, piece: &str) -> impl Iterator<Item = usize> {
    memmem::find_iter(text.as_bytes(), piece.as_bytes())
}

/// Whether the text only stands for a secret: it is empty, `$PASSWORD`, `<password>`, `{password}` or `***`.
fn is_placeholder(value: &str) -> bool {
    let name = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b"_{}".contains(&b);
    let variable = value.strip_prefix('$').is_some_and(|rest| rest.bytes().all(name));
    let bracketed =
        [('<', '>'), ('{', '}')].iter().any(|(l, r)| value.starts_with(*l) && value.ends_with(*r));
    variable || bracketed || value.chars().all(|c| "*x.•…".contains(c))
}

/// The longest prefix of the text that consists of such bytes.
fn word(text: &str, longest: usize, belongs: impl Fn(u8) -> bool) -> &str {
    let end = text.bytes().take(longest).position(|b| !belongs(b)).unwrap_or(longest.min(text.len()));
    &text[..text.floor_char_boundary(end)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_of_any_shape_is_hidden() {
        for (text, shown) in [
            ("postgres://me:hunter2@db/x", "postgres://me:*******@db/x"),
            ("postgres://me:a/b@c@db:5432/x", "postgres://me:*****@db:5432/x"),
            ("redis://:hunter2@db", "redis://:*******@db"),
            (
                "https://app.example.com:80/?db=postgres://me:hunter2@db",
                "https://app.example.com:80/?db=postgres://me:*******@db",
            ),
            ("é postgres://me:é@db é", "é postgres://me:**@db é"),
            ("sk_live_0123456789ab", "sk_live_************"),
            ("AKIAIOSFODNN7EXAMPLE", "AKIA****************"),
            ("ghp_0123456789abcdefGHIJ, done", "ghp_********************, done"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "eyJ**************************************"),
            ("JWT_SECRET=hunter2 next", "JWT_SECRET=******* next"),
            ("password = \"hunter 2\"", "password = \"********\""),
            ("\"api-key\": 'hunter2'", "\"api-key\": '*******'"),
            ("db_password = \"\"\"hunter2\"\"\"", "db_password = \"\"\"*******\"\"\""),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nMIIE\r\n-----END RSA PRIVATE KEY-----",
                "*******************************\n****\r\n-----END RSA PRIVATE KEY-----",
            ),
        ] {
            assert_eq!(hide(text), shown);
        }
    }

    #[test]
    fn other_text_stays() {
        for text in [
            "https://app.example.com",
            "https://app.example.com:8443/@scope/name",
            "https://app.example.com/at/12:30/me@example.com",
            "postgres://me@db/x",
            "postgres://me:$PASSWORD@db/x and ${PASSWORD} and postgres://me:${PASSWORD}@db/x",
            "postgres://me:<password>@db/x",
            "postgres://me:***@db/x",
            "the password: it stays in the environment",
            "password = \"\" # see \"Secrets\"",
            "required = [\"JWT_SECRET\"]",
            "task-management-dashboard sk-learn ghp_",
            "-----BEGIN CERTIFICATE-----\nMIIE",
        ] {
            assert_eq!(hide(text), text);
        }
    }

    /// The verified service chooses the text: the work must be linear in its length.
    #[test]
    fn a_hostile_text_is_searched_in_bounded_work() {
        for piece in
            ["-----BEGIN ", "-----BEGIN PRIVATE KEY-----", "a://b:c@", "://", "password=", "ghp_", "eyJ"]
        {
            let text = piece.repeat((64 << 10) / piece.len());
            assert_eq!(hide(text.clone()).len(), text.len());
        }
    }

    #[test]
    fn overlapping_secrets_are_one() {
        assert_eq!(find("password=ghp_0123456789abcdefGHIJ").len(), 1);
    }
}
