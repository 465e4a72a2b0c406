//! No path leaves the served folder.

use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Verdict};
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "exposure.files.traversal",
    severity: Severity::High,
    needs: Needs::Nothing,
    rule: "No spelling of `..` leaves the served folder.",
    rationale: "A service that joins paths without a check, or checks them before it decodes them, serves any file \
                that it can read: its environment, its keys, its source.",
    remedy: "Decode once, then resolve the path and refuse any that is not below the root. FastAPI: `StaticFiles` \
             does; a route with `{path:path}` that opens files does not. Express: `express.static` or \
             `res.sendFile(name, { root })`, never `path.join(root, req.params.name)`. Here: no file is served.",
    references: &[
        "https://cwe.mitre.org/data/definitions/22.html",
        "https://owasp.org/www-community/attacks/Path_Traversal",
        "https://www.rfc-editor.org/rfc/rfc3986#section-7.3",
    ],
    requirements: &["FR-004", "FR-008"],
    ask: |subject| {
        let patience = subject.profile().verify.timeout;
        let probes = SPELLINGS.iter().map(|path| Probe::get(path).verbatim(patience));
        Ask::Questions(probes.map(|probe| Question::new(probe, "secrets.required")).collect())
    },
    judge: |_, exchanges| {
        Verdict::of_each_answered(exchanges, |exchange, response| {
            Reading::expect(!response.body.lines().any(is_account), || {
                format!("GET {} answered {} with the file's content", exchange.request.path, response.status)
            })
        })
    },
    passes: &[
        "HTTP/1.1 404 Not Found",
        "HTTP/1.1 400 Bad Request",
        "HTTP/1.1 200 OK\n\nroot: the page of every path",
    ],
    fails: &["HTTP/1.1 200 OK\ncontent-type: text/plain\n\nroot:x:0:0:root:/root:/bin/sh\n"],
};

/// Paths to a file that every Unix has and that holds no secret, with more `..` than a served folder is deep.
const SPELLINGS: &[&str] = &[
    "/../../../../../../../../etc/passwd",
    "/..%2f..%2f..%2f..%2f..%2f..%2f..%2f..%2fetc/passwd",
    "/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/%252e%252e/%252e%252e/%252e%252e/%252e%252e/%252e%252e/%252e%252e/etc/passwd",
    "/static/../../../../../../../../etc/passwd",
    "/static/..\\..\\..\\..\\..\\..\\..\\..\\etc\\passwd",
    "/static/..%5c..%5c..%5c..%5c..%5c..%5c..%5c..%5cetc%5cpasswd",
    "/assets/....//....//....//....//....//....//....//....//etc/passwd",
];

/// `root:x:0:0:…`, as in `/etc/passwd`.
fn is_account(line: &str) -> bool {
    line.starts_with("root:") && line.contains(":0:0:")
}
