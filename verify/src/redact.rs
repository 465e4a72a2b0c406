//! What never reaches evidence, a report or a snapshot.

use serde_json::Value as Json;

/// A header value without its secret: a cookie keeps its name and attributes, a credential only its presence.
pub(crate) fn header(name: &str, value: &str) -> String {
    match name {
        "set-cookie" => cookie(value),
        "cookie" | "authorization" | "proxy-authorization" | "x-api-key" => "[redacted]".to_owned(),
        _ => value.to_owned(),
    }
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

/// A body as it may stand in a snapshot: what differs between two honest runs is replaced.
pub(crate) fn varying(value: &Json) -> Json {
    match value {
        Json::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), varying_member(name, value))).collect()
        }
        Json::Array(items) => items.iter().map(varying).collect(),
        other => other.clone(),
    }
}

fn varying_member(name: &str, value: &Json) -> Json {
    let text = value.as_str().unwrap_or_default();
    match name {
        "request_id" | "requestId" | "trace_id" | "traceId" | "instance" => Json::from("[varies]"),
        _ if text.parse::<jiff::Timestamp>().is_ok() => Json::from("[timestamp]"),
        _ => varying(value),
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
        assert_eq!(varying(&one), varying(&two));
        assert_ne!(varying(&one), varying(&serde_json::json!({"status": "unhealthy"})));
    }
}
