//! No probe makes the server fail.

use crate::model::check::{Ask, Check, Needs, Reading, Severity, Verdict};

pub(super) const CHECK: Check = Check {
    id: "run.no-5xx-anywhere",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "No probe is answered with a server error.",
    rationale: "Every probe is a request that anyone may send; a 5xx shows that invalid input reaches code that \
                does not expect it.",
    remedy: "Look the request up in the logs by its request id, and refuse such input with a 4xx where it enters. \
             FastAPI: declare the types of parameters, so that it answers 422 to invalid ones. Express: validate \
             before use, and give the error a `status` of 4xx.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc9110#section-15.6",
        "https://cwe.mitre.org/data/definitions/20.html",
    ],
    requirements: &["FR-008", "FR-010", "v5.0.0-2.2.1"],
    ask: |_| Ask::Everything { promise: "verify.errors".to_owned(), also: Vec::new() },
    judge: |subject, exchanges| {
        let health = subject.health();
        Verdict::of_each(exchanges, |exchange, response| {
            let request = &exchange.request;
            // 501 is the right answer to an unknown method, and 503 the health check's own answer.
            let meant = response.status == 501
                || (response.status == 503 && request.path.split('?').next() == Some(health));
            Reading::expect(response.status < 500 || meant, || {
                format!("{} {} answered {}", request.method, request.path, response.status)
            })
        })
    },
    passes: &["HTTP/1.1 404 Not Found", "HTTP/1.1 501 Not Implemented", "HTTP/1.1 503 Service Unavailable"],
    fails: &["HTTP/1.1 500 Internal Server Error", "HTTP/1.1 502 Bad Gateway"],
};
