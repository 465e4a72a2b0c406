//! Removes secrets and control characters from evidence, reports, terminals and snapshots.

use serde_json::Value as Json;

/// A header value without its secret: a cookie keeps its name and attributes, a credential only its presence.
pub(crate) fn header(name: &str, value: &str) -> String {
    match name.to_ascii_lowercase().as_str() {
        "set-cookie" => cookie(value),
        "cookie" | "authorization" | "proxy-authorization" | "x-api-key" => "[redacted]".to_owned(),
        _ => value.to_owned(),
    }
}

/// Text from the target for a person: one line, of bounded length, without credentials and terminal control characters.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 400;
    // Hidden before it is cut: half a connection string is no longer recognised.
    let text = profiles::hide_credentials(text);
    let mut shown: String = text.chars().take(LONGEST).map(visible).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// The same for text of several lines, with every credential hidden, for a pull request.
pub(crate) fn reviewable(text: &str) -> String {
    let lines: Vec<String> =
        profiles::hide_credentials(text).lines().map(|line| line.chars().map(visible).collect()).collect();
    lines.join("\n")
}

fn visible(c: char) -> String {
    // Bidirectional control characters could make an answer display another address than it names.
    let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if c.is_control() || turns { c.escape_default().to_string() } else { c.to_string() }
}

/// The text without the values of the caller's private headers.
pub(crate) fn without(text: &str, private: &[String]) -> String {
    private
        .iter()
        .filter(|value| !value.is_empty())
        .fold(text.to_owned(), |text, value| text.replace(value.as_str(), "[redacted]"))
}

fn cookie(value: &str) -> String {
    let (pair, attributes) =
        value.split_once(';').map_or((value, ""), |(pair, attributes)| (pair, attributes));
    let name = pair.split('=').next().unwrap_or_default().trim();
    if attributes.is_empty() {
        format!("{name}=[redacted]")
    } else {
        format!("{name}=[redacted];{attributes}")
    }
}

/// A cookie for a snapshot, without its date of expiry, which differs between runs.
pub(crate) fn lasting(cookie: &str) -> String {
    let attributes = cookie.split(';').map(|attribute| {
        let expires = attribute.trim_start().to_ascii_lowercase().starts_with("expires=");
        if expires { " expires=[varies]" } else { attribute }
    });
    attributes.collect::<Vec<_>>().join(";")
}

/// A body for a snapshot, with placeholders for values that differ between answers of the same service.
pub(crate) fn varying(value: &Json, other: Option<&Json>) -> Json {
    match value {
        Json::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), varying_member(name, value, other.map(|other| &other[name]))))
            .collect(),
        Json::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| varying(item, other.map(|other| &other[index])))
            .collect(),
        leaf if other.is_some_and(|other| other != leaf) => Json::from("[varies]"),
        leaf => leaf.clone(),
    }
}

fn varying_member(name: &str, value: &Json, other: Option<&Json>) -> Json {
    let text = value.as_str().unwrap_or_default();
    match name {
        "request_id" | "requestId" | "trace_id" | "traceId" | "instance" => Json::from("[varies]"),
        _ if text.parse::<jiff::Timestamp>().is_ok() => Json::from("[timestamp]"),
        _ => varying(value, other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_keep_their_name_and_attributes_only() {
        assert_eq!(header("set-cookie", "sid=s3cr3t; Path=/; Secure"), "sid=[redacted]; Path=/; Secure");
        assert_eq!(header("set-cookie", "sid=s3cr3t"), "sid=[redacted]");
        assert_eq!(header("authorization", "Bearer s3cr3t"), "[redacted]");
        assert_eq!(header("vary", "origin"), "origin");
    }

    #[test]
    fn two_honest_bodies_look_the_same() {
        let one =
            serde_json::json!({"status": "ok", "timestamp": "2026-01-02T03:04:05.678Z", "request_id": "a-1"});
        let two =
            serde_json::json!({"status": "ok", "timestamp": "2026-11-12T13:14:15.161Z", "request_id": "b-2"});
        assert_eq!(varying(&one, None), varying(&two, None));
        assert_ne!(varying(&one, None), varying(&serde_json::json!({"status": "unhealthy"}), None));

        let later = serde_json::json!({"status": "ok", "uptime": 12.5, "nodes": [1, 2]});
        let sooner = serde_json::json!({"status": "ok", "uptime": 11.5, "nodes": [1, 3]});
        let both = serde_json::json!({"status": "ok", "uptime": "[varies]", "nodes": [1, "[varies]"]});
        assert_eq!(varying(&later, Some(&sooner)), both);
    }

    #[test]
    fn nothing_of_the_targets_is_obeyed_by_a_terminal() {
        assert_eq!(shown("a\u{1b}[2Jb\nc\u{9b}31m"), "a\\u{1b}[2Jb\\nc\\u{9b}31m");
        assert_eq!(shown("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(shown(&"x".repeat(1_000)).chars().count(), 401);
        assert_eq!(shown("postgres://app:hunter2@db\n"), "postgres://app:*******@db\\n");
        assert!(!shown(&format!("{}postgres://app:hunter2@db", "x".repeat(380))).contains("hunter"));
        assert_eq!(reviewable("one\r\ntwo\u{7}"), "one\ntwo\\u{7}");
        assert_eq!(reviewable("postgres://app:hunter2@db"), "postgres://app:*******@db");
    }

    #[test]
    fn what_was_sent_in_confidence_does_not_come_back() {
        assert_eq!(
            without("your key: s3cr3t", &["s3cr3t".to_owned(), String::new()]),
            "your key: [redacted]"
        );
    }

    #[test]
    fn a_cookies_expiry_is_no_behaviour() {
        assert_eq!(
            lasting("sid=[redacted]; Expires=Mon, 23 Nov 2026 16:00:00 GMT; Secure"),
            "sid=[redacted]; expires=[varies]; Secure"
        );
    }
}
