//! No answer contains something that looks like a key.

use crate::check::{Ask, Check, Reading, Severity, Verdict};

pub(super) const CHECK: Check = Check {
    id: "exposure.secrets.patterns",
    severity: Severity::High,
    rule: "No answer contains a private key, a cloud key or a connection string with a password.",
    rationale: "Such a string in one answer is a leaked credential, whoever put it there.",
    remedy: "Remove it from the answer, then rotate it: it has been public.",
    references: &["https://cwe.mitre.org/data/definitions/200.html"],
    requirements: &["FR-004", "FR-008"],
    ask: |_| Ask::Everything { promise: "secrets.required".to_owned() },
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            let headers = response.headers.iter().map(|(_, value)| value.as_str());
            let sign = headers.chain([response.body.as_str()]).find_map(credential);
            match sign {
                // The string itself is not repeated: a report must not leak what it found.
                Some(sign) => Reading::Broken(format!(
                    "the answer to {} {} contains {sign}",
                    exchange.request.method, exchange.request.path
                )),
                None => Reading::Holds,
            }
        })
    },
    passes: &["HTTP/1.1 200 OK\n\n{\"status\":\"ok\"}"],
    fails: &[
        "HTTP/1.1 200 OK\n\npostgres://app:hunter2@db/app",
        "HTTP/1.1 500 Oops\n\nAKIAIOSFODNN7EXAMPLE",
        "HTTP/1.1 200 OK\n\n-----BEGIN RSA PRIVATE KEY-----",
    ],
};

/// What kind of credential a text contains.
fn credential(text: &str) -> Option<&'static str> {
    if text.contains("-----BEGIN") && text.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    if ["postgres://", "postgresql://", "mysql://", "mongodb://", "redis://"]
        .iter()
        .any(|scheme| has_password(text, scheme))
    {
        return Some("a connection string with a password");
    }
    let prefixes = [
        ("AKIA", 20, "an AWS access key"),
        ("ghp_", 40, "a GitHub token"),
        ("sk_live_", 24, "a Stripe key"),
        ("xoxb-", 24, "a Slack token"),
    ];
    prefixes.into_iter().find(|(prefix, length, _)| has_key(text, prefix, *length)).map(|(_, _, kind)| kind)
}

fn has_password(text: &str, scheme: &str) -> bool {
    text.match_indices(scheme).any(|(at, _)| {
        let rest = &text[at + scheme.len()..];
        let authority = rest.split(['/', '"', '\'', ' ', '\n', '<']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(userinfo, _)| userinfo.contains(':'))
    })
}

fn has_key(text: &str, prefix: &str, length: usize) -> bool {
    text.match_indices(prefix).any(|(at, _)| {
        let key =
            text[at..].bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_' || *b == b'-').count();
        key >= length
    })
}
