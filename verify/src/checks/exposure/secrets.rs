//! No answer contains text in the form of a key.

use profiles::unmistakable_credential;

use crate::model::check::{Ask, Check, Needs, Reading, Severity, Verdict};

pub(super) const CHECK: Check = Check {
    id: "exposure.secrets.patterns",
    severity: Severity::High,
    needs: Needs::Nothing,
    rule: "No answer contains a private key, a cloud key or a connection string with a password.",
    rationale: "Such a string in any answer is a leaked credential.",
    remedy: "Remove it from the answer, then rotate it: it has been public. FastAPI: a `response_model` sends only \
             its own fields. Express: build the answer from named fields instead of sending whole objects.",
    references: &["https://cwe.mitre.org/data/definitions/200.html"],
    requirements: &["FR-004", "FR-008", "v5.0.0-16.5.1"],
    ask: |_| Ask::Everything { promise: "secrets.required".to_owned(), also: Vec::new() },
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            // An echo of the probe's own header is not a leak.
            let sent = |value: &str| exchange.request.headers.iter().any(|(_, known)| known == value);
            let headers =
                response.headers.iter().map(|(_, value)| value.as_str()).filter(|value| !sent(value));
            let sign = headers.chain([response.body.as_str()]).find_map(unmistakable_credential);
            match sign {
                // The string itself is not repeated: a report must not leak a secret.
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
