//! Security headers, on successes and errors alike.

use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Subject, Verdict};
use crate::model::exchange::Response;
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "headers.security-as-declared",
    severity: Severity::Low,
    needs: Needs::Nothing,
    rule: "Every answer forbids sniffing, framing, referrers and public caching.",
    rationale: "An API's answer opened as a page must be inert; errors are answers too, and often come from another layer without these headers.",
    remedy: "On every status send `X-Content-Type-Options: nosniff`, `Content-Security-Policy: default-src 'none'; \
             frame-ancestors 'none'`, `Referrer-Policy: no-referrer` and `Cache-Control: no-store`. FastAPI: set them \
             in a middleware around the app. Express: `helmet()` with these directives and `useDefaults: false`, \
             Cache-Control beside it, and error handlers of your own, because the built-in one replaces the policy.",
    references: &[
        "https://fetch.spec.whatwg.org/#x-content-type-options-header",
        "https://www.w3.org/TR/CSP3/#directive-frame-ancestors",
        "https://www.w3.org/TR/referrer-policy/#referrer-policy-no-referrer",
        "https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.5",
        "https://cwe.mitre.org/data/definitions/525.html",
        "https://cwe.mitre.org/data/definitions/1021.html",
    ],
    requirements: &["FR-011", "v5.0.0-3.4.4", "v5.0.0-3.4.5", "v5.0.0-3.4.6", "v5.0.0-14.3.2"],
    ask: |subject| {
        let probes = [
            Probe::get(subject.health()),
            Probe::get(Subject::unknown_path()),
            Probe::new("POST", subject.health()),
        ];
        Ask::Questions(probes.into_iter().map(|probe| Question::new(probe, "verify.families")).collect())
    },
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            let missing = missing(response);
            Reading::expect(missing.is_empty(), || {
                format!(
                    "the {} of {} {} lacks {}",
                    response.status,
                    exchange.request.method,
                    exchange.request.path,
                    missing.join(", ")
                )
            })
        })
    },
    passes: &[SOUND],
    fails: &[
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200 OK\nx-content-type-options: nosniff\ncontent-security-policy: default-src 'none'; frame-ancestors 'none'\nreferrer-policy: no-referrer\ncache-control: public, max-age=60",
        "HTTP/1.1 404 Not Found\nx-content-type-options: nosniff\ncontent-security-policy: default-src *\nreferrer-policy: no-referrer\ncache-control: no-store",
    ],
};

const SOUND: &str = "HTTP/1.1 404 Not Found\nx-content-type-options: nosniff\n\
     content-security-policy: default-src 'none'; frame-ancestors 'none'\nreferrer-policy: no-referrer\ncache-control: no-store";

fn missing(response: &Response) -> Vec<&'static str> {
    let csp = response.header("content-security-policy").unwrap_or_default();
    let directives: Vec<String> =
        csp.split(';').map(|directive| directive.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let has = |directive: &str| directives.iter().any(|known| known == directive);
    let referrer = response.header("referrer-policy").unwrap_or_default();
    let caching = response.list("cache-control");
    let rules = [
        (
            "x-content-type-options: nosniff",
            response
                .header("x-content-type-options")
                .is_some_and(|value| value.eq_ignore_ascii_case("nosniff")),
        ),
        ("content-security-policy: default-src 'none'", has("default-src 'none'")),
        ("content-security-policy: frame-ancestors 'none'", has("frame-ancestors 'none'")),
        (
            "referrer-policy: no-referrer",
            ["no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"]
                .contains(&referrer.as_str()),
        ),
        ("cache-control: no-store", caching.iter().any(|directive| directive == "no-store")),
    ];
    rules.into_iter().filter(|(_, holds)| !holds).map(|(name, _)| name).collect()
}
