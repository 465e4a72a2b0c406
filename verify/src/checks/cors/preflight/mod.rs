//! Preflights grant the declared methods and headers to declared origins, and nothing else.

pub(super) mod login;
pub(super) mod rate;
pub(super) mod syntax;

use profiles::{FieldName, Origin};

use crate::cors::oracle::{Credentials, preflight_check};
use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Subject, Verdict};
use crate::model::exchange::{Exchange, Request};
use crate::model::probe::Probe;

const FETCH: &str = "https://fetch.spec.whatwg.org/#cors-preflight-fetch";

pub(super) const ALLOWS_DECLARED: Check = Check {
    id: "cors.preflight.allows-declared",
    severity: Severity::High,
    needs: Needs::Nothing,
    rule: "Every declared origin may use every declared method with every declared header, and each header alone.",
    rationale: "One missing combination is one feature of the front end that works in no browser.",
    remedy: "Answer preflights with 204, the origin, and the declared methods and headers. FastAPI: `allow_methods`, \
             which is GET alone by default, and `allow_headers`. Express: `methods` and `allowedHeaders` of `cors()`. \
             Here: `cors.methods` and `cors.request_headers`.",
    references: &[FETCH],
    requirements: &["FR-006"],
    ask: |subject| {
        let headers = request_headers(subject);
        let methods: Vec<&str> =
            subject.profile().cors.methods.iter().map(profiles::Method::as_str).collect();
        let matrix = subject.declared_origins().flat_map(|(promise, origin)| {
            let preflight = |method, headers: &[&str]| {
                let probe = Probe::preflight(subject.health(), origin.as_str(), method, headers);
                Question::new(probe, promise.clone())
            };
            let together = methods.iter().map(|method| preflight(method, &headers));
            // A server may compare the whole list, or grant only what all of its routes need.
            let alone = headers.iter().map(|header| preflight("GET", &[header]));
            together.chain(alone).collect::<Vec<_>>()
        });
        Ask::all(matrix, "the profile declares no origin or no method")
    },
    judge: |subject, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| match decide(subject, exchange, response) {
            Ok(()) => Reading::Holds,
            Err(why) => Reading::Broken(format!(
                "a page at `{}` may not send {}: {why}",
                origin(&exchange.request),
                asked(&exchange.request)
            )),
        })
    },
    passes: &[GRANT],
    fails: &[
        "HTTP/1.1 403 Forbidden",
        "HTTP/1.1 204 No Content\naccess-control-allow-origin: {origin}\naccess-control-allow-credentials: true\naccess-control-allow-methods: {method}",
        "HTTP/1.1 204 No Content\naccess-control-allow-origin: {origin}\naccess-control-allow-credentials: true\naccess-control-allow-headers: {headers}",
    ],
};

pub(super) const OK_STATUS: Check = Check {
    id: "cors.preflight.ok-status",
    severity: Severity::High,
    needs: Needs::Nothing,
    rule: "A preflight from a declared origin is answered with a status from 200 to 299.",
    rationale: "Browsers refuse every other status: a redirect, 404 or 405 breaks the page.",
    remedy: "Answer preflights before routing and redirects. FastAPI: add `CORSMiddleware` last, so that it is outermost. \
             Express: `app.use(cors(…))` before the routes.",
    references: &["https://fetch.spec.whatwg.org/#ok-status", FETCH],
    requirements: &["FR-006"],
    ask: |subject| {
        let questions = subject
            .declared_origins()
            .map(|(promise, origin)| Question::new(ordinary(subject, origin), promise));
        Ask::all(questions, "the profile declares no origin")
    },
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            let answered = answered(&exchange.request, response.status);
            match response.status {
                200..300 => Reading::Holds,
                // A login answered: the status of the service itself is unknown.
                401 | 403 | 407 => Reading::Unknown(format!("{answered}; see cors.preflight.needs-no-auth")),
                _ => Reading::Broken(answered),
            }
        })
    },
    passes: &["HTTP/1.1 204 No Content", "HTTP/1.1 200 OK"],
    fails: &[
        "HTTP/1.1 404 Not Found",
        "HTTP/1.1 405 Method Not Allowed",
        "HTTP/1.1 301 Moved Permanently\nlocation: /health/",
    ],
};

pub(super) const REJECTS_ORIGIN: Check = Check {
    id: "cors.preflight.rejects-origin",
    severity: Severity::High,
    needs: Needs::Nothing,
    rule: "A preflight from an undeclared origin is not granted.",
    rationale: "A granted preflight lets an attacker's page send writes as the visitor.",
    remedy: "Decide preflights with the same allow-list as every other request. FastAPI, Express: `CORSMiddleware` and \
             `cors()` do so; remove OPTIONS handlers and proxy rules that add the headers beside them.",
    references: &[FETCH, "https://cwe.mitre.org/data/definitions/942.html"],
    requirements: &["FR-006", "v5.0.0-3.4.2"],
    ask: |subject| {
        let origins = ["https://plumbline-probe.evil.example", "null"];
        Ask::Questions(
            origins
                .into_iter()
                .flat_map(|origin| {
                    ["GET", "PUT"].map(|method| Probe::preflight(subject.health(), origin, method, &[]))
                })
                .map(|probe| Question::new(probe, "cors.origins"))
                .collect(),
        )
    },
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            let request = &exchange.request;
            let granted =
                preflight_check(origin(request), method(request), &[], Credentials::Omit, response).is_ok();
            Reading::expect(!granted, || {
                format!("the preflight from `{}` for {} was granted", origin(request), asked(request))
            })
        })
    },
    passes: &["HTTP/1.1 403 Forbidden", "HTTP/1.1 200 OK\naccess-control-allow-methods: {method}"],
    fails: &[GRANT, "HTTP/1.1 200 OK\naccess-control-allow-origin: *\naccess-control-allow-methods: *"],
};

pub(super) const REJECTS_METHOD: Check = Check {
    id: "cors.preflight.rejects-method",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "A method that is not declared is not granted.",
    rationale: "A server that echoes the requested method has no list: every future route is open to every allowed \
                page.",
    remedy: "Grant only the methods of `cors.methods`. GET, HEAD and POST need no grant and cannot be withheld. \
             FastAPI: name them in `allow_methods`, not `[\"*\"]`. Express: set `methods`, which lists every usual one \
             by default.",
    references: &[FETCH, "https://fetch.spec.whatwg.org/#cors-safelisted-method"],
    requirements: &["FR-006"],
    ask: |subject| {
        let declared = &subject.profile().cors.methods;
        let undeclared = ["PUT", "PATCH", "DELETE", "PLUMBLINE"]
            .into_iter()
            .filter(|method| declared.iter().all(|known| known.as_str() != *method));
        let Some(origin) = subject.declared_origin() else {
            return Ask::skip("the profile declares no origin");
        };
        Ask::all(
            undeclared.map(|method| {
                Question::new(
                    Probe::preflight(subject.health(), origin.as_str(), method, &[]),
                    "cors.methods",
                )
            }),
            "every method is declared",
        )
    },
    judge: |subject, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            Reading::expect(decide(subject, exchange, response).is_err(), || {
                format!(
                    "the preflight for {} was granted; the profile does not declare it",
                    asked(&exchange.request)
                )
            })
        })
    },
    passes: &[
        "HTTP/1.1 403 Forbidden",
        "HTTP/1.1 204 No Content\naccess-control-allow-origin: {origin}\naccess-control-allow-methods: GET",
    ],
    fails: &[GRANT],
};

pub(super) const REJECTS_HEADER: Check = Check {
    id: "cors.preflight.rejects-header",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "A request header that is not declared is not granted.",
    rationale: "A server that echoes the requested headers lets pages set internal headers such as X-Forwarded-User.",
    remedy: "Grant only the headers of `cors.request_headers`. FastAPI: name them in `allow_headers`, because \
             `[\"*\"]` repeats the requested ones. Express: set `allowedHeaders`, because `cors()` without it \
             repeats the requested ones.",
    references: &[FETCH, "https://fetch.spec.whatwg.org/#http-access-control-allow-headers"],
    requirements: &["FR-006"],
    ask: |subject| match subject.declared_origin() {
        Some(origin) => Ask::one(
            Probe::preflight(subject.health(), origin.as_str(), "GET", &["x-plumbline-undeclared"]),
            "cors.request_headers",
        ),
        None => Ask::skip("the profile declares no origin"),
    },
    judge: |subject, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            Reading::expect(decide(subject, exchange, response).is_err(), || {
                format!(
                    "the preflight for {} was granted; the profile does not declare that header",
                    asked(&exchange.request)
                )
            })
        })
    },
    passes: &[
        "HTTP/1.1 403 Forbidden",
        "HTTP/1.1 204 No Content\naccess-control-allow-origin: {origin}\naccess-control-allow-headers: authorization",
    ],
    fails: &[GRANT],
};

const GRANT: &str = "HTTP/1.1 204 No Content\naccess-control-allow-origin: {origin}\naccess-control-allow-credentials: true\n\
                     access-control-allow-methods: {method}\naccess-control-allow-headers: {headers}";

/// The first declared method that needs a preflight, with every declared header.
pub(super) fn ordinary(subject: &Subject<'_>, origin: &Origin) -> Probe {
    let methods = &subject.profile().cors.methods;
    let method =
        methods.iter().map(profiles::Method::as_str).find(|method| !["GET", "HEAD", "POST"].contains(method));
    Probe::preflight(subject.health(), origin.as_str(), method.unwrap_or("GET"), &request_headers(subject))
}

fn request_headers<'a>(subject: &Subject<'a>) -> Vec<&'a str> {
    subject.declaration.profile.cors.request_headers.iter().map(FieldName::as_str).collect()
}

/// The decision of a browser, with the declared credentials.
fn decide(
    subject: &Subject<'_>,
    exchange: &Exchange,
    response: &crate::model::exchange::Response,
) -> Result<(), String> {
    let request = &exchange.request;
    let headers: Vec<&str> = request
        .header("access-control-request-headers")
        .into_iter()
        .flat_map(|names| names.split(','))
        .collect();
    let credentials = Credentials::declared(subject.profile().cors.credentials);
    preflight_check(origin(request), method(request), &headers, credentials, response)
}

fn origin(request: &Request) -> &str {
    request.header("origin").unwrap_or_default()
}

fn method(request: &Request) -> &str {
    request.header("access-control-request-method").unwrap_or_default()
}

/// ``the preflight from `https://app.example.com` for PUT was answered 401``.
pub(super) fn answered(request: &Request, status: u16) -> String {
    format!("the preflight from `{}` for {} was answered {status}", origin(request), asked(request))
}

/// `PUT with authorization,content-type`.
fn asked(request: &Request) -> String {
    match request.header("access-control-request-headers") {
        Some(headers) => format!("{} with {headers}", method(request)),
        None => method(request).to_owned(),
    }
}
