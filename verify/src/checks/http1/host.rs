//! The service does not trust the host name that a client sends.

use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Subject, Verdict};
use crate::model::exchange::{Exchange, Request};
use crate::model::probe::Probe;

pub(super) const NOT_TRUSTED: Check = Check {
    id: "http1.host.not-trusted",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "A foreign Host, X-Forwarded-Host or Forwarded appears in no redirect and no body.",
    rationale: "Links built from the request's Host lead users to an attacker: a password reset leads to another \
                site, and a cache serves the redirect to everyone.",
    remedy: "Build absolute URLs from configuration, or send relative ones, and refuse hosts that are not yours. \
             FastAPI: TrustedHostMiddleware with `allowed_hosts`, and `redirect_slashes=False`. Express: no `trust \
             proxy` beyond your own proxies, and no `req.hostname` in links. Here: no link is built from the \
             request.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc9110#section-7.4",
        "https://www.rfc-editor.org/rfc/rfc7239#section-8.1",
        "https://portswigger.net/web-security/host-header",
        "https://cwe.mitre.org/data/definitions/644.html",
    ],
    requirements: &["FR-008"],
    ask: |subject| {
        let slashed = format!("{}/", subject.health().trim_end_matches('/'));
        let paths = [subject.health(), Subject::unknown_path(), &slashed];
        let forwarded = paths
            .iter()
            .map(|path| Probe::get(path).with(FORWARDED, EVIL).with("forwarded", format!("host={EVIL}")));
        // Byte for byte, so that an edge's error for an unknown host is not read as the service's answer.
        let foreign = paths
            .iter()
            .map(|path| Probe::get(path).with("host", EVIL).verbatim(subject.profile().verify.timeout));
        Ask::Questions(forwarded.chain(foreign).map(|probe| Question::new(probe, "deployment.url")).collect())
    },
    judge: |_, exchanges| {
        let refused = refuses_the_host(exchanges);
        Verdict::of_each_answered(exchanges, |exchange, response| {
            if refused && is_foreign(&exchange.request) {
                return Reading::Holds;
            }
            let (path, status) = (&exchange.request.path, response.status);
            let name = if is_foreign(&exchange.request) { "Host" } else { "X-Forwarded-Host" };
            let sent = format!("GET {path} with {name} `{EVIL}`");
            match response.header("location") {
                Some(location) if location.contains(EVIL) => {
                    Reading::Broken(format!("{sent} was answered {status} with location: {location}"))
                }
                _ => Reading::expect(!response.body.contains(EVIL), || {
                    format!("{sent} was answered {status} with that name in the body")
                }),
            }
        })
    },
    passes: &[
        "HTTP/1.1 200 OK",
        "HTTP/1.1 308 Permanent Redirect\nlocation: /health",
        "HTTP/1.1 200 OK\n---\nHTTP/1.1 404 Not Found\n---\nHTTP/1.1 404 Not Found\n---\n\
         HTTP/1.1 421 Misdirected Request\n\nno plumbline-probe.evil.example here",
    ],
    fails: &[
        "HTTP/1.1 307 Temporary Redirect\nlocation: http://plumbline-probe.evil.example/health",
        "HTTP/1.1 200 OK\n\n<a href=\"https://plumbline-probe.evil.example/docs\">",
        "HTTP/1.1 404 Not Found\n---\nHTTP/1.1 404 Not Found\n\nhttp://plumbline-probe.evil.example/x was not found",
    ],
};

const EVIL: &str = "plumbline-probe.evil.example";
const FORWARDED: &str = "x-forwarded-host";

fn is_foreign(request: &Request) -> bool {
    request.header("host").is_some()
}

/// Whether the health path, which exists, refuses the foreign Host: then the refusal repeats the name, and it may
/// be an edge's.
fn refuses_the_host(exchanges: &[Exchange]) -> bool {
    let health = exchanges.iter().find(|exchange| is_foreign(&exchange.request));
    health.and_then(|health| health.response().ok()).is_some_and(|response| response.status >= 400)
}
