//! The API's documentation is public only where the profile says so.

use profiles::Docs;

use super::Content;
use crate::model::check::{Ask, Check, Needs, Reading, Severity};

pub(super) const CHECK: Check = Check {
    id: "exposure.docs.as-declared",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "Documentation and API descriptions are public where the profile shows docs, and nowhere else.",
    rationale: "In production they give anyone the list of routes, parameters and models; in development their \
                absence is a bug.",
    remedy: "Serve documentation only where the profile shows it. FastAPI: `FastAPI(openapi_url=None)` removes `/docs` \
             and `/redoc` too. Express: mount Swagger UI only outside production. Here: `server.docs = \"hidden\"`.",
    references: &[
        "https://cwe.mitre.org/data/definitions/200.html",
        "https://owasp.org/API-Security/editions/2023/en/0xa9-improper-inventory-management/",
    ],
    requirements: &["FR-005", "v5.0.0-13.4.5"],
    ask: |subject| {
        let declared = subject.profile().verify.docs.iter().map(profiles::Path::as_str);
        match subject.profile().server.docs {
            Docs::Hidden => {
                let mut paths: Vec<&str> = HIDDEN.to_vec();
                paths.extend(declared.filter(|path| !HIDDEN.contains(path)));
                Ask::Questions(super::control_and(&paths, "server.docs"))
            }
            Docs::Shown => {
                let paths: Vec<&str> = declared.collect();
                if paths.is_empty() {
                    return Ask::skip("the profile names no path of the documentation (verify.docs)");
                }
                Ask::Questions(super::control_and(&paths, "server.docs"))
            }
        }
    },
    judge: |subject, exchanges| {
        let declared = subject.profile().server.docs;
        super::against_control(exchanges, |exchange, response, content| {
            let declared = match (declared, content) {
                (_, Content::Unknown(why)) => return Reading::Unknown(why),
                (Docs::Hidden, Content::Own) => "hidden",
                (Docs::Shown, Content::None) => "shown",
                (Docs::Hidden, Content::None) | (Docs::Shown, Content::Own) => return Reading::Holds,
            };
            Reading::Broken(format!(
                "GET {} answered {}; the profile declares docs {declared}",
                exchange.request.path, response.status
            ))
        })
    },
    passes: &["HTTP/1.1 404 Not Found", "HTTP/1.1 200 OK\n\nthe same page for every path"],
    fails: &[
        "HTTP/1.1 404 Not Found\n---\nHTTP/1.1 200 OK\ncontent-type: text/html\n\n<title>Swagger UI</title>",
    ],
};

/// The default paths of documentation in frameworks.
const HIDDEN: &[&str] = &[
    "/docs",
    "/redoc",
    "/openapi.json",
    "/openapi.yaml",
    "/swagger",
    "/swagger/",
    "/swagger/index.html",
    "/swagger/v1/swagger.json",
    "/swagger.json",
    "/swagger-ui",
    "/swagger-ui/index.html",
    "/api-docs",
    "/api-docs/",
    "/v3/api-docs",
    "/graphiql",
];
