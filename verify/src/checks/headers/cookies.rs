//! Cookies have safe attributes.

use crate::model::check::{Ask, Check, Failure, Needs, Severity, Verdict, judgeable};

pub(super) const CHECK: Check = Check {
    id: "headers.cookies",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "Every cookie has Secure, SameSite and, unless scripts must read it, HttpOnly.",
    rationale: "Without Secure it travels in clear text, without HttpOnly scripts read it, and without SameSite some \
                browsers send it with other sites' requests.",
    remedy: "Set cookies as `__Host-name=…; Path=/; Secure; HttpOnly; SameSite=Lax`. FastAPI: `response.set_cookie(…, \
             secure=True, httponly=True, samesite=\"lax\")`. Express: `res.cookie(…, { secure: true, httpOnly: true, \
             sameSite: \"lax\" })`.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc6265#section-4.1.2.5",
        "https://www.rfc-editor.org/rfc/rfc6265#section-4.1.2.6",
        "https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Set-Cookie",
        "https://cwe.mitre.org/data/definitions/614.html",
        "https://cwe.mitre.org/data/definitions/1004.html",
        "https://cwe.mitre.org/data/definitions/1275.html",
    ],
    requirements: &["FR-011", "v5.0.0-3.3.1", "v5.0.0-3.3.2", "v5.0.0-3.3.4"],
    ask: |_| Ask::Everything { promise: "cors.credentials".to_owned(), also: Vec::new() },
    judge: |_, exchanges| {
        let mut weak: Vec<(usize, String)> = Vec::new();
        for (question, exchange) in exchanges.iter().enumerate() {
            let Ok(response) = judgeable(exchange) else { continue };
            for fault in response.all("set-cookie").filter_map(fault) {
                // Services set a cookie on many answers: report each fault once.
                if !weak.iter().any(|(_, known)| *known == fault) {
                    weak.push((question, fault));
                }
            }
        }
        let unanswered = exchanges.iter().find_map(|exchange| judgeable(exchange).err());
        match (weak.is_empty(), unanswered) {
            (false, _) => Verdict::Fail(
                weak.into_iter().map(|(question, observed)| Failure { question, observed }).collect(),
            ),
            (true, Some(why)) => Verdict::Inconclusive(why),
            (true, None) => Verdict::Pass,
        }
    },
    passes: &[
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200 OK\nset-cookie: csrftoken=[redacted]; Path=/; Secure; SameSite=Lax",
        "HTTP/1.1 200 OK\nset-cookie: __Host-id=[redacted]; Path=/; Secure; HttpOnly; SameSite=Lax",
    ],
    fails: &[
        "HTTP/1.1 200 OK\nset-cookie: id=[redacted]; Path=/",
        "HTTP/1.1 200 OK\nset-cookie: id=[redacted]; Secure; SameSite=None",
    ],
};

/// The attributes that a cookie lacks. The page's own scripts read a CSRF token, so it needs no `HttpOnly`.
fn fault(cookie: &str) -> Option<String> {
    let name = cookie.split('=').next().unwrap_or_default().trim();
    let attributes: Vec<String> =
        cookie.split(';').skip(1).map(|attribute| attribute.trim().to_ascii_lowercase()).collect();
    let lacks = |wanted: &str| !attributes.iter().any(|known| known.split('=').next() == Some(wanted));
    let lower = name.to_ascii_lowercase();
    let for_scripts = lower.contains("csrf") || lower.contains("xsrf");
    let missing: Vec<&str> = [("Secure", "secure"), ("HttpOnly", "httponly"), ("SameSite", "samesite")]
        .into_iter()
        .filter(|(_, wanted)| lacks(wanted) && !(for_scripts && *wanted == "httponly"))
        .map(|(shown, _)| shown)
        .collect();
    (!missing.is_empty()).then(|| format!("cookie `{name}` lacks {}", missing.join(", ")))
}
