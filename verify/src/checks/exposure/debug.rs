//! Endpoints for operators are not public.

use super::Content;
use crate::model::check::{Ask, Check, Needs, Reading, Severity};

pub(super) const CHECK: Check = Check {
    id: "exposure.debug.endpoints",
    severity: Severity::High,
    needs: Needs::Nothing,
    rule: "No debugging, metrics or management endpoint is public.",
    rationale: "They show configuration, traffic and memory, and some of them change the running service.",
    remedy: "Bind them to a private address or a second port, or remove them from the production build. FastAPI, \
             Express: serve metrics from an app of their own on a port that is not public.",
    references: &["https://cwe.mitre.org/data/definitions/489.html"],
    requirements: &["FR-008", "v5.0.0-13.4.2", "v5.0.0-13.4.5"],
    ask: |_| Ask::Questions(super::control_and(PATHS, "server.docs")),
    judge: |_, exchanges| {
        super::against_control(exchanges, |exchange, response, content| match content {
            Content::Own => {
                Reading::Broken(format!("GET {} answered {}", exchange.request.path, response.status))
            }
            Content::None => Reading::Holds,
            Content::Unknown(why) => Reading::Unknown(why),
        })
    },
    passes: &["HTTP/1.1 404 Not Found", "HTTP/1.1 403 Forbidden"],
    fails: &["HTTP/1.1 404 Not Found\n---\nHTTP/1.1 200 OK\n\nhttp_requests_total 5"],
};

pub(super) const PATHS: &[&str] = &[
    "/metrics",
    "/debug/pprof/",
    "/debug/vars",
    "/actuator",
    "/actuator/env",
    "/server-status",
    "/phpinfo.php",
    "/_profiler",
];
