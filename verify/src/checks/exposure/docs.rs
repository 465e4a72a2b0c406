//! The API's documentation is where the profile says, or nowhere.

use profiles::Docs;

use crate::check::{Ask, Check, Failure, Severity, Verdict, judgeable};

pub(super) const CHECK: Check = Check {
    id: "exposure.docs.as-declared",
    severity: Severity::Medium,
    rule: "Documentation and API descriptions are public where the profile shows docs, and nowhere else.",
    rationale: "In production they hand every stranger the list of routes, parameters and models; in development their absence is a bug.",
    remedy: "Here: `server.docs = \"hidden\"`. FastAPI: `FastAPI(docs_url=None, redoc_url=None, openapi_url=None)`. Express: mount Swagger UI only outside production.",
    references: &[
        "https://cwe.mitre.org/data/definitions/200.html",
        "https://owasp.org/www-project-api-security/",
    ],
    requirements: &["FR-005"],
    ask: |subject| match subject.profile().server.docs {
        Docs::Hidden => Ask::Questions(super::control_and(HIDDEN, "server.docs")),
        Docs::Shown => Ask::Questions(super::control_and(SHOWN, "server.docs")),
    },
    judge: |subject, exchanges| {
        let [control, answers @ ..] = exchanges else {
            return Verdict::Inconclusive("the control was not probed".to_owned());
        };
        let declared = subject.profile().server.docs;
        let mut failures = Vec::new();
        for (index, exchange) in answers.iter().enumerate() {
            let response = match judgeable(exchange) {
                Ok(response) => response,
                Err(why) => return Verdict::Inconclusive(why),
            };
            let path = &exchange.request.path;
            let observed = match (declared, super::is_content(control, response)) {
                (Docs::Hidden, true) => {
                    format!("GET {path} answered {}; the profile declares docs hidden", response.status)
                }
                (Docs::Shown, false) => {
                    format!("GET {path} answered {}; the profile declares docs shown", response.status)
                }
                _ => continue,
            };
            failures.push(Failure { question: index + 1, observed });
        }
        if failures.is_empty() { Verdict::Pass } else { Verdict::Fail(failures) }
    },
    passes: &["HTTP/1.1 404 Not Found", "HTTP/1.1 200 OK\n\nthe same page for every path"],
    fails: &[
        "HTTP/1.1 404 Not Found\n---\nHTTP/1.1 200 OK\ncontent-type: text/html\n\n<title>Swagger UI</title>",
    ],
};

/// Where frameworks put documentation by default.
const HIDDEN: &[&str] = &[
    "/docs",
    "/redoc",
    "/openapi.json",
    "/openapi.yaml",
    "/swagger",
    "/swagger.json",
    "/swagger-ui",
    "/swagger-ui/index.html",
    "/api-docs",
    "/v3/api-docs",
    "/graphiql",
];

const SHOWN: &[&str] = &["/docs", "/openapi.json"];
