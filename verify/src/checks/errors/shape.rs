//! Errors have the declared format.

use profiles::ErrorFormat;

use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Subject, Verdict};
use crate::model::exchange::Response;
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "errors.shape.as-declared",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "Errors have the declared format, and a status in the body equals the status of the response.",
    rationale: "Clients cannot read the cause from HTML; an error from another layer shows that requests do not \
                reach the application.",
    remedy: "Answer errors with `application/problem+json` {type, title, status, detail}, also for 404 and 405, which \
             frameworks write themselves. FastAPI: exception handlers for Starlette's `HTTPException` and for \
             `RequestValidationError`. Express: a last middleware for 404, and an error handler with four arguments.",
    references: &["https://www.rfc-editor.org/rfc/rfc9457#section-3"],
    requirements: &["FR-008", "v5.0.0-4.1.1"],
    ask: |subject| {
        if subject.profile().verify.errors == ErrorFormat::Any {
            return Ask::skip("the profile promises no error format (verify.errors = \"any\")");
        }
        let probes = [Probe::get(Subject::unknown_path()), Probe::new("POST", subject.health())];
        Ask::Questions(probes.into_iter().map(|probe| Question::new(probe, "verify.errors")).collect())
    },
    judge: |subject, exchanges| {
        let declared = subject.profile().verify.errors;
        Verdict::of_each(exchanges, |exchange, response| {
            let request = &exchange.request;
            if response.status < 400 && request.method == "POST" {
                // Served: the path has no error of this kind to show.
                return Reading::Holds;
            }
            if response.status < 400 {
                return Reading::Unknown(format!(
                    "{} {} answered {}, not an error",
                    request.method, request.path, response.status
                ));
            }
            match wrong(declared, response) {
                Some(wrong) => Reading::Broken(format!(
                    "the {} of {} {} {wrong}",
                    response.status, request.method, request.path
                )),
                None => Reading::Holds,
            }
        })
    },
    passes: &[
        "HTTP/1.1 404 Not Found\ncontent-type: application/problem+json\n\n{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404}",
    ],
    fails: &[
        "HTTP/1.1 404 Not Found\ncontent-type: text/html\n\n<h1>Not Found</h1>",
        "HTTP/1.1 404 Not Found\ncontent-type: application/problem+json\n\nNot Found",
        "HTTP/1.1 404 Not Found\ncontent-type: application/problem+json\n\n{\"title\":\"Not Found\",\"status\":400}",
    ],
};

fn wrong(declared: ErrorFormat, response: &Response) -> Option<String> {
    let wanted = match declared {
        ErrorFormat::ProblemJson => "application/problem+json",
        ErrorFormat::Json | ErrorFormat::Any => "application/json",
    };
    let sent = response.media_type().unwrap_or_else(|| "no content-type".to_owned());
    if sent != wanted {
        return Some(format!("has {sent}; the profile declares {wanted}"));
    }
    let Some(body) = response.json().filter(serde_json::Value::is_object) else {
        return Some("is not a JSON object".to_owned());
    };
    // Advisory and optional, but it must not contradict the status line (RFC 9457 section 3.1.2).
    let contradicts = !body["status"].is_null() && body["status"].as_u64() != Some(response.status.into());
    if declared == ErrorFormat::ProblemJson && contradicts {
        return Some(format!("says status {} inside", body["status"]));
    }
    None
}
