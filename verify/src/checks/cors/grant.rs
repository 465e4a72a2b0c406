//! Declared origins can read every answer as declared, errors included.

use crate::cors::oracle::{Credentials, cors_check};
use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Subject, Verdict};
use crate::model::exchange::Response;
use crate::model::probe::Probe;

pub(super) const ALLOWS_DECLARED_ORIGIN: Check = Check {
    id: "cors.actual.allows-declared-origin",
    severity: Severity::High,
    needs: Needs::Nothing,
    rule: "Every declared origin may read responses.",
    rationale: "A front end whose origin is missing, or written with a trailing slash, fails for every visitor.",
    remedy: "Put the origin on the allow-list exactly as the browser sends it: scheme, host and port, nothing after. \
             FastAPI: `allow_origins` of `CORSMiddleware`. Express: an array as `origin` of `cors()`. Here: \
             `cors.origins`.",
    references: &[
        "https://fetch.spec.whatwg.org/#concept-cors-check",
        "https://fetch.spec.whatwg.org/#origin-header",
    ],
    requirements: &["FR-006"],
    ask: |subject| from_each_origin(subject, &[("GET", subject.health())]),
    judge: |subject, exchanges| {
        let credentials = Credentials::declared(subject.profile().cors.credentials);
        Verdict::of_each(exchanges, |exchange, response| {
            let origin = exchange.request.header("origin").unwrap_or_default();
            // Credentials have a check of their own; this one reads the origin alone.
            match cors_check(origin, Credentials::Omit, response)
                .and_then(|()| wildcard_excludes(credentials, response))
            {
                Ok(()) => Reading::Holds,
                Err(why) => Reading::Broken(format!(
                    "a page at `{origin}` may not read {} {}: {why}",
                    exchange.request.method, exchange.request.path
                )),
            }
        })
    },
    passes: &[
        "HTTP/1.1 200 OK\naccess-control-allow-origin: {origin}\naccess-control-allow-credentials: true",
    ],
    fails: &[
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200 OK\naccess-control-allow-origin: {origin}/",
        "HTTP/1.1 200 OK\naccess-control-allow-origin: {origin}\n---\nHTTP/1.1 200 OK",
    ],
};

pub(super) const CREDENTIALS_AS_DECLARED: Check = Check {
    id: "cors.actual.credentials-as-declared",
    severity: Severity::High,
    needs: Needs::Nothing,
    rule: "Access-Control-Allow-Credentials is exactly `true` where the profile declares credentials, and absent \
           otherwise.",
    rationale: "Without it browsers hide answers to requests with cookies from the page. Sent undeclared, it lets \
                every allowed page read answers as the visitor.",
    remedy: "Send `Access-Control-Allow-Credentials: true`, in lower case, to allowed origins only if credentials are \
             declared. FastAPI: `allow_credentials`. Express: `credentials` of `cors()`. Here: `cors.credentials`.",
    references: &[
        "https://fetch.spec.whatwg.org/#http-access-control-allow-credentials",
        "https://fetch.spec.whatwg.org/#http-new-header-syntax",
    ],
    requirements: &["FR-006"],
    ask: |subject| match from_each_origin(subject, &[("GET", subject.health())]) {
        Ask::Questions(questions) => Ask::Questions(
            questions.into_iter().map(|question| Question::new(question.probe, "cors.credentials")).collect(),
        ),
        other => other,
    },
    judge: |subject, exchanges| {
        let declared = subject.profile().cors.credentials;
        Verdict::of_each(exchanges, |exchange, response| {
            let sent = response.header("access-control-allow-credentials");
            let holds = if declared { sent.as_deref() == Some("true") } else { sent.is_none() };
            Reading::expect(holds, || {
                let sent = sent.map_or("absent".to_owned(), |value| format!("`{value}`"));
                let origin = exchange.request.header("origin").unwrap_or_default();
                format!(
                    "access-control-allow-credentials is {sent} for origin `{origin}`; the profile declares credentials = {declared}"
                )
            })
        })
    },
    passes: &[
        "HTTP/1.1 200 OK\naccess-control-allow-origin: {origin}\naccess-control-allow-credentials: true",
    ],
    fails: &[
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200 OK\naccess-control-allow-credentials: True",
        "HTTP/1.1 200 OK\naccess-control-allow-credentials: false",
    ],
};

pub(super) const EXPOSE_HEADERS_AS_DECLARED: Check = Check {
    id: "cors.actual.expose-headers-as-declared",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "Access-Control-Expose-Headers lists the declared headers and no others.",
    rationale: "A page cannot read a header that is missing from the list; `*` and extra names show pages headers \
                that are meant for operators.",
    remedy: "Expose exactly the headers of `cors.exposed_headers`. FastAPI: `expose_headers`. Express: \
             `exposedHeaders` of `cors()`.",
    references: &["https://fetch.spec.whatwg.org/#http-access-control-expose-headers"],
    requirements: &["FR-006"],
    ask: |subject| from_first_origin(subject, "cors.exposed_headers"),
    judge: |subject, exchanges| {
        let mut declared: Vec<&str> =
            subject.profile().cors.exposed_headers.iter().map(profiles::FieldName::as_str).collect();
        declared.sort_unstable();
        Verdict::of_each(exchanges, |_, response| {
            let mut exposed = response.list("access-control-expose-headers");
            exposed.sort_unstable();
            exposed.dedup();
            Reading::expect(exposed == declared, || {
                format!(
                    "access-control-expose-headers lists {}; the profile declares {}",
                    listed(&exposed),
                    listed(&declared)
                )
            })
        })
    },
    passes: &["HTTP/1.1 200 OK\naccess-control-expose-headers: X-Request-Id"],
    fails: &[
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200 OK\naccess-control-expose-headers: *",
        "HTTP/1.1 200 OK\naccess-control-expose-headers: x-request-id, x-internal",
    ],
};

pub(super) const ERRORS_KEEP_GRANT: Check = Check {
    id: "cors.actual.errors-keep-grant",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "Errors carry the same grant as successes.",
    rationale: "Without it the page sees `TypeError: Failed to fetch` instead of a 404 or 405, which hides the \
                cause.",
    remedy: "Let the CORS layer wrap the error handling too. FastAPI: serve `CORSMiddleware(app, …)`, because \
             `add_middleware` leaves unhandled errors outside. Express: `app.use(cors(…))` before the routes, and no \
             error handler that removes headers.",
    references: &[
        "https://fetch.spec.whatwg.org/#http-responses",
        "https://github.com/Kludex/starlette/issues/1116",
        "https://starlette.dev/middleware/#corsmiddleware-global-enforcement",
    ],
    requirements: &["FR-006", "FR-008"],
    ask: |subject| from_each_origin(subject, &[("GET", Subject::unknown_path()), ("POST", subject.health())]),
    judge: |subject, exchanges| {
        let credentials = Credentials::declared(subject.profile().cors.credentials);
        Verdict::of_each(exchanges, |exchange, response| {
            let request = &exchange.request;
            let origin = request.header("origin").unwrap_or_default();
            match cors_check(origin, credentials, response) {
                Ok(()) => Reading::Holds,
                Err(why) => Reading::Broken(format!(
                    "a page at `{origin}` may not read the {} of {} {}: {why}",
                    response.status, request.method, request.path
                )),
            }
        })
    },
    passes: &[
        "HTTP/1.1 404 Not Found\naccess-control-allow-origin: {origin}\naccess-control-allow-credentials: true",
    ],
    fails: &["HTTP/1.1 404 Not Found"],
};

fn from_each_origin(subject: &Subject<'_>, targets: &[(&str, &str)]) -> Ask {
    let questions = subject.declared_origins().flat_map(|(promise, origin)| {
        targets.iter().map(move |(method, path)| {
            Question::new(Probe::new(method, path).origin(origin.as_str()), promise.clone())
        })
    });
    Ask::all(questions, NO_ORIGIN)
}

fn from_first_origin(subject: &Subject<'_>, promise: &str) -> Ask {
    match subject.declared_origin() {
        Some(origin) => Ask::one(Probe::get(subject.health()).origin(origin.as_str()), promise),
        None => Ask::skip(NO_ORIGIN),
    }
}

/// With credentials a browser does not accept `*` as a grant.
fn wildcard_excludes(credentials: Credentials, response: &Response) -> Result<(), String> {
    let wildcard = response.header("access-control-allow-origin").as_deref() == Some("*");
    if wildcard && credentials == Credentials::Include {
        return Err("access-control-allow-origin is `*`, which browsers refuse with credentials".to_owned());
    }
    Ok(())
}

fn listed(names: &[impl AsRef<str>]) -> String {
    if names.is_empty() {
        "nothing".to_owned()
    } else {
        names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
    }
}

const NO_ORIGIN: &str = "the profile declares no origin";
