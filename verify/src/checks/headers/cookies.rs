//! An API that declares no session sets no cookie.

use crate::check::{Ask, Check, Reading, Severity, Verdict};

pub(super) const CHECK: Check = Check {
    id: "headers.cookies",
    severity: Severity::Medium,
    rule: "A cookie that is set has Secure, HttpOnly and SameSite.",
    rationale: "Without Secure it travels in clear text, without HttpOnly scripts read it, and without SameSite other sites send it.",
    remedy: "Set cookies as `__Host-name=…; Path=/; Secure; HttpOnly; SameSite=Lax`.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc6265#section-4.1.2",
        "https://cwe.mitre.org/data/definitions/614.html",
        "https://cwe.mitre.org/data/definitions/1275.html",
    ],
    requirements: &["FR-011"],
    ask: |_| Ask::Everything { promise: "cors.credentials".to_owned() },
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            let weak = response.all("set-cookie").find_map(|cookie| {
                let attributes: Vec<String> = cookie
                    .split(';')
                    .skip(1)
                    .map(|attribute| attribute.trim().to_ascii_lowercase())
                    .collect();
                let lacks = |name: &str| {
                    !attributes.iter().any(|known| known == name || known.starts_with(&format!("{name}=")))
                };
                let missing: Vec<&str> =
                    ["secure", "httponly", "samesite"].into_iter().filter(|name| lacks(name)).collect();
                let name = cookie.split('=').next().unwrap_or_default();
                (!missing.is_empty()).then(|| format!("cookie `{name}` without {}", missing.join(", ")))
            });
            match weak {
                Some(weak) => Reading::Broken(format!(
                    "{} {} sets {weak}",
                    exchange.request.method, exchange.request.path
                )),
                None => Reading::Holds,
            }
        })
    },
    passes: &[
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200 OK\nset-cookie: __Host-id=[redacted]; Path=/; Secure; HttpOnly; SameSite=Lax",
    ],
    fails: &[
        "HTTP/1.1 200 OK\nset-cookie: id=[redacted]; Path=/",
        "HTTP/1.1 200 OK\nset-cookie: id=[redacted]; Secure; SameSite=None",
    ],
};
