//! Echoed input cannot run in a browser.

use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Subject, Verdict};
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "errors.reflect.inert",
    severity: Severity::High,
    needs: Needs::Nothing,
    rule: "No answer echoes the request as markup.",
    rationale: "An error page that repeats the path as HTML runs any script of a link, in the API's own origin.",
    remedy: "Answer errors as JSON with `X-Content-Type-Options: nosniff`, and escape repeated input. FastAPI: put \
             no input into an `HTMLResponse`. Express: nor into `res.send`, which sends text as HTML.",
    references: &["https://cwe.mitre.org/data/definitions/79.html"],
    requirements: &["FR-008", "v5.0.0-3.2.1", "v5.0.0-1.2.1"],
    ask: |subject| {
        let paths = [
            format!("{}/{MARKUP_ENCODED}", Subject::unknown_path()),
            format!("{}?q={MARKUP_ENCODED}", subject.health()),
        ];
        Ask::Questions(paths.iter().map(|path| Question::new(Probe::get(path), "verify.errors")).collect())
    },
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            let media_type = response.media_type().unwrap_or_default();
            let sniffable = media_type.is_empty()
                || media_type.contains("html")
                || media_type.contains("svg")
                || media_type == "text/plain" && response.header("x-content-type-options").is_none();
            Reading::expect(!(sniffable && response.body.contains(MARKUP)), || {
                let media_type = if media_type.is_empty() { "no content-type" } else { &media_type };
                format!(
                    "the {} of GET {} repeats `{MARKUP}` as {media_type}",
                    response.status, exchange.request.path
                )
            })
        })
    },
    passes: &[
        "HTTP/1.1 404 Not Found\ncontent-type: application/problem+json\n\n{\"detail\":\"/<svg/onload=plumbline>\"}",
        "HTTP/1.1 404 Not Found\ncontent-type: text/html\n\n/&lt;svg/onload=plumbline&gt;",
    ],
    fails: &["HTTP/1.1 404 Not Found\ncontent-type: text/html\n\nCannot GET /<svg/onload=plumbline>"],
};

const MARKUP: &str = "<svg/onload=plumbline>";
const MARKUP_ENCODED: &str = "%3Csvg/onload=plumbline%3E";
