//! The control: the answer to a path that does not exist.

use crate::model::check::{Ask, Check, Needs, Reading, Severity, Subject, Verdict};
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "run.control.unknown-path-404",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "A path that does not exist is answered 404.",
    rationale: "A catch-all that answers 200 hides broken links from clients, and real exposures from everyone.",
    remedy: "Answer 404 for unknown paths; serve a single-page application's index only below its own prefix.",
    references: &["https://www.rfc-editor.org/rfc/rfc9110#section-15.5.5"],
    requirements: &["FR-010", "v5.0.0-14.2.5"],
    ask: |_| Ask::one(Probe::get(Subject::unknown_path()), "verify.errors"),
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            Reading::expect(response.status == 404, || {
                format!("GET {} answered {}; no such path exists", exchange.request.path, response.status)
            })
        })
    },
    passes: &["HTTP/1.1 404 Not Found"],
    fails: &["HTTP/1.1 200 OK\ncontent-type: text/html\n\n<html>", "HTTP/1.1 302 Found\nlocation: /login"],
};
