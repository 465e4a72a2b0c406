//! A known path names its methods in Allow.

use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict};
use crate::model::exchange::Exchange;
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "method.405-with-allow",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "A wrong method on a known path is answered 405, and Allow lists the right ones.",
    rationale: "404 says that the path is wrong, and 200 that the method was obeyed; without Allow a client cannot \
                learn the right method.",
    remedy: "Answer 405 with `Allow`, listing every method that the path has. FastAPI: Allow names only the first \
             matching route's methods; declare one `api_route` with all of them. Express: it answers 404; end \
             `app.route(path)` with an `all()` that sends 405 and Allow.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.6",
        "https://www.rfc-editor.org/rfc/rfc9110#section-10.2.1",
    ],
    requirements: &["FR-010", "v5.0.0-4.1.4"],
    ask: |subject| {
        let probes = ["POST", "OPTIONS"].map(|method| Probe::new(method, subject.health()));
        Ask::Questions(probes.map(|probe| Question::new(probe, "health.path")).into())
    },
    judge: |_, exchanges| {
        let served = serves_post(exchanges);
        Verdict::of_each(exchanges, |exchange, response| {
            let path = &exchange.request.path;
            if exchange.request.method == "OPTIONS" || (served && response.status != 405) {
                return Reading::Holds;
            }
            if response.status != 405 {
                return Reading::Broken(format!("POST {path} answered {}, not 405", response.status));
            }
            let allow = response.list("allow");
            let right =
                allow.iter().any(|method| method == "get") && !allow.iter().any(|method| method == "post");
            Reading::expect(right, || match response.header("allow") {
                Some(allow) => format!(
                    "POST {path} answered 405 with allow: {allow}, though GET works and POST does not"
                ),
                None => format!("POST {path} answered 405 without Allow"),
            })
        })
    },
    passes: &[
        "HTTP/1.1 405 Method Not Allowed\nallow: GET, HEAD, OPTIONS",
        "HTTP/1.1 422 Unprocessable Content\n---\nHTTP/1.1 204 No Content\nallow: GET, POST, OPTIONS",
    ],
    fails: &[
        "HTTP/1.1 405 Method Not Allowed",
        "HTTP/1.1 404 Not Found",
        "HTTP/1.1 200 OK",
        "HTTP/1.1 405 Method Not Allowed\nallow: POST",
    ],
};

/// Whether the path's own Allow lists POST: then POST is not a wrong method.
fn serves_post(exchanges: &[Exchange]) -> bool {
    exchanges
        .iter()
        .filter(|exchange| exchange.request.method == "OPTIONS")
        .filter_map(|exchange| exchange.response().ok())
        .any(|response| response.list("allow").iter().any(|method| method == "post"))
}
