//! The syntax of preflights: numbers, lists, and OPTIONS requests that are not preflights.

use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict};
use crate::model::probe::Probe;

pub(in crate::checks::cors) const MAX_AGE_AS_DECLARED: Check = Check {
    id: "cors.preflight.max-age-as-declared",
    severity: Severity::Low,
    needs: Needs::Nothing,
    rule: "Access-Control-Max-Age is the declared number of seconds.",
    rationale: "A longer time keeps a withdrawn policy alive in browsers; with a malformed one browsers remember \
                the preflight for only 5 seconds.",
    remedy: "Send the whole number of seconds of `cors.max_age`. FastAPI: `max_age`, 600 by default. Express: `maxAge` \
             of `cors()`, in seconds; absent by default.",
    references: &[
        "https://fetch.spec.whatwg.org/#http-access-control-max-age",
        "https://fetch.spec.whatwg.org/#http-new-header-syntax",
        "https://www.rfc-editor.org/rfc/rfc9111#section-1.2.2",
    ],
    requirements: &["FR-006"],
    ask: |subject| match subject.declared_origin() {
        Some(origin) => Ask::one(super::ordinary(subject, origin), "cors.max_age"),
        None => Ask::skip("the profile declares no origin"),
    },
    judge: |subject, exchanges| {
        let declared = subject.profile().cors.max_age.millis() / 1000;
        Verdict::of_each(exchanges, |_, response| {
            let sent = response.header("access-control-max-age");
            Reading::expect(sent.as_deref() == Some(declared.to_string().as_str()), || {
                let sent = sent.map_or("absent".to_owned(), |value| format!("`{value}`"));
                format!("access-control-max-age is {sent}; the profile declares {declared} seconds")
            })
        })
    },
    passes: &["HTTP/1.1 204 No Content\naccess-control-max-age: 600"],
    fails: &[
        "HTTP/1.1 204 No Content",
        "HTTP/1.1 204 No Content\naccess-control-max-age: 10m",
        "HTTP/1.1 204 No Content\naccess-control-max-age: 31536000",
    ],
};

pub(in crate::checks::cors) const TOLERATES_LIST_SYNTAX: Check = Check {
    id: "cors.preflight.tolerates-list-syntax",
    severity: Severity::Low,
    needs: Needs::Nothing,
    rule: "Access-Control-Request-Headers is read as a list: in any case and order, with spaces, empty elements \
           and several lines.",
    rationale: "Gateways split and rewrite the line, and a comparison of the whole text then refuses a declared page.",
    remedy: "Split at commas, trim, ignore empty elements, compare names without regard to case; or always answer \
             with all declared headers. FastAPI: `CORSMiddleware` refuses empty elements; clean the field in a \
             middleware before it. Express: an array as `allowedHeaders` always answers with all of them.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc9110#section-5.6.1.2",
        "https://github.com/rs/cors/issues/184",
    ],
    requirements: &["FR-006"],
    ask: |subject| {
        let names: Vec<&str> =
            subject.profile().cors.request_headers.iter().map(profiles::FieldName::as_str).collect();
        let (Some(origin), [first, .., last]) = (subject.declared_origin(), names.as_slice()) else {
            return Ask::skip("the profile declares no origin or fewer than two request headers");
        };
        let plain = Probe::preflight(subject.health(), origin.as_str(), "GET", &[]);
        let spellings = [
            plain
                .clone()
                .with(FIELD, format!("{} ,, {}", last.to_ascii_uppercase(), first.to_ascii_uppercase())),
            plain.with(FIELD, *first).with(FIELD, *last),
        ];
        Ask::Questions(
            spellings.into_iter().map(|probe| Question::new(probe, "cors.request_headers")).collect(),
        )
    },
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            let granted = response.list("access-control-allow-headers");
            let lines =
                || exchange.request.headers.iter().filter(|(name, _)| name == FIELD).map(|(_, value)| value);
            let elements =
                lines().flat_map(|line| line.split(',')).map(|name| name.trim().to_ascii_lowercase());
            let missing: Vec<String> = elements
                .filter(|name| !name.is_empty() && !granted.iter().any(|known| known == name || known == "*"))
                .collect();
            let lines: Vec<String> = lines().map(|value| format!("`{value}`")).collect();
            let asked = format!(
                "the preflight with {FIELD} {} was answered {}",
                lines.join(" and "),
                response.status
            );
            if !(200..300).contains(&response.status) {
                return Reading::Broken(asked);
            }
            Reading::expect(missing.is_empty(), || format!("{asked} without granting {}", missing.join(", ")))
        })
    },
    passes: &["HTTP/1.1 204 No Content\naccess-control-allow-headers: Authorization, Content-Type"],
    fails: &[
        "HTTP/1.1 403 Forbidden",
        "HTTP/1.1 204 No Content\naccess-control-allow-headers: authorization",
    ],
};

pub(in crate::checks::cors) const PLAIN_OPTIONS_IS_NOT_PREFLIGHT: Check = Check {
    id: "cors.preflight.plain-options-is-not-preflight",
    severity: Severity::Low,
    needs: Needs::Nothing,
    rule: "OPTIONS without Access-Control-Request-Method is answered as OPTIONS, with Allow.",
    rationale: "Such a request asks which methods the resource supports; a server that treats it as a preflight \
                hides them and sends a grant without being asked.",
    remedy: "Treat a request as a preflight only if it has Origin and Access-Control-Request-Method; answer other \
             OPTIONS with Allow. FastAPI: declare `@app.options` routes that send it. Express: `cors()` answers every \
             OPTIONS; skip it where Access-Control-Request-Method is missing, and the router sends Allow.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc9110#section-9.3.7",
        "https://fetch.spec.whatwg.org/#cors-preflight-request",
    ],
    requirements: &["FR-006", "FR-010"],
    ask: |subject| Ask::one(Probe::new("OPTIONS", subject.health()), "cors.methods"),
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            let preflight = response
                .headers
                .iter()
                .any(|(name, _)| name == "access-control-allow-methods" || name == "access-control-max-age");
            let allow = response.list("allow");
            Reading::expect(!preflight && allow.iter().any(|method| method == "get"), || {
                let seen = if preflight {
                    "as a preflight".to_owned()
                } else {
                    format!("{} with allow: {}", response.status, allow.join(", "))
                };
                format!("OPTIONS {} was answered {seen}", exchange.request.path)
            })
        })
    },
    passes: &["HTTP/1.1 204 No Content\nallow: GET, HEAD, OPTIONS"],
    fails: &[
        "HTTP/1.1 204 No Content",
        "HTTP/1.1 200 OK\nallow: GET\naccess-control-allow-methods: GET, PUT",
        "HTTP/1.1 405 Method Not Allowed",
    ],
};

const FIELD: &str = "access-control-request-headers";
