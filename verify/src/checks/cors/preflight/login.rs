//! Preflights and logins: a preflight carries no credentials, and Authorization must be granted by name.

use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict};

use super::{answered, ordinary};

pub(in crate::checks::cors) const NEEDS_NO_AUTH: Check = Check {
    id: "cors.preflight.needs-no-auth",
    severity: Severity::High,
    needs: Needs::Nothing,
    rule: "A preflight from a declared origin is answered without a login.",
    rationale: "Browsers send preflights without cookies and without Authorization: if a login precedes CORS, no \
                page can send its token.",
    remedy: "Decide CORS before authentication. FastAPI: add CORSMiddleware last, so that it is outermost, and \
             check tokens in dependencies. Express: `app.use(cors())` before the authentication. Here: preflights \
             are answered before routing; exempt OPTIONS from the login of a proxy.",
    references: &[
        "https://fetch.spec.whatwg.org/#cors-protocol-and-credentials",
        "https://fetch.spec.whatwg.org/#cors-preflight-fetch",
    ],
    requirements: &["FR-006"],
    ask: |subject| {
        let questions = subject
            .declared_origins()
            .map(|(promise, origin)| Question::new(ordinary(subject, origin), promise));
        Ask::all(questions, "the profile declares no origin")
    },
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            let login = matches!(response.status, 401 | 403 | 407);
            Reading::expect(!login, || answered(&exchange.request, response.status))
        })
    },
    passes: &["HTTP/1.1 204 No Content", "HTTP/1.1 405 Method Not Allowed"],
    fails: &["HTTP/1.1 401 Unauthorized\nwww-authenticate: Bearer", "HTTP/1.1 403 Forbidden"],
};

pub(in crate::checks::cors) const AUTHORIZATION_EXPLICIT: Check = Check {
    id: "cors.preflight.authorization-explicit",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "Where pages may send Authorization, preflights grant it by name.",
    rationale: "`Access-Control-Allow-Headers: *` covers every header but this one, so pages that send a token fail while \
                everything else works.",
    remedy: "List `Authorization` in Access-Control-Allow-Headers. FastAPI: `allow_headers=[\"Authorization\", …]`. \
             Express: `cors({ allowedHeaders: [\"Authorization\", …] })`. Here: `cors.request_headers`.",
    references: &[
        "https://fetch.spec.whatwg.org/#cors-non-wildcard-request-header-name",
        "https://fetch.spec.whatwg.org/#http-access-control-allow-headers",
    ],
    requirements: &["FR-006"],
    ask: |subject| {
        let cors = &subject.profile().cors;
        if !cors.request_headers.iter().any(|name| name.as_str() == "authorization") {
            return Ask::skip("the profile's cors.request_headers do not include authorization");
        }
        match subject.declared_origin() {
            Some(origin) => Ask::one(ordinary(subject, origin), "cors.request_headers"),
            None => Ask::skip("the profile declares no origin"),
        }
    },
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            let granted = response.list("access-control-allow-headers");
            if granted.iter().any(|name| name == "authorization") {
                return Reading::Holds;
            }
            let answered = answered(&exchange.request, response.status);
            if !(200..300).contains(&response.status) {
                return Reading::Unknown(answered);
            }
            let granted =
                response.header("access-control-allow-headers").unwrap_or_else(|| "nothing".to_owned());
            Reading::Broken(format!("{answered} and granted {granted}, not authorization by its name"))
        })
    },
    passes: &["HTTP/1.1 204 No Content\naccess-control-allow-headers: Content-Type, Authorization"],
    fails: &[
        "HTTP/1.1 204 No Content\naccess-control-allow-headers: *",
        "HTTP/1.1 204 No Content\naccess-control-allow-headers: content-type",
        "HTTP/1.1 200 OK",
    ],
};
