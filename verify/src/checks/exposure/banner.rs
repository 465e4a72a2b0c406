//! Headers do not name the software.

use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Subject, Verdict};
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "exposure.banner",
    severity: Severity::Low,
    needs: Needs::Nothing,
    rule: "No header names the software's version, and no X-Powered-By its framework.",
    rationale: "A version lets an attacker pick a known exploit from a list.",
    remedy: "Leave these headers out. Express: `app.disable(\"x-powered-by\")`, or `helmet()`, which removes it too. \
             FastAPI: `uvicorn --no-server-header`. nginx: `server_tokens off`.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc9110#section-10.2.4",
        "https://cwe.mitre.org/data/definitions/200.html",
    ],
    requirements: &["FR-011", "v5.0.0-13.4.6"],
    ask: |subject| {
        let paths = [subject.health(), Subject::unknown_path()];
        Ask::Questions(
            paths.into_iter().map(|path| Question::new(Probe::get(path), "verify.families")).collect(),
        )
    },
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            let banner = response.headers.iter().find(|(name, value)| {
                ["x-powered-by", "x-aspnet-version", "x-aspnetmvc-version"].contains(&name.as_str())
                    || (name == "server" && names_a_version(value))
            });
            match banner {
                Some((name, value)) => Reading::Broken(format!(
                    "GET {} was answered with {name}: {value}",
                    exchange.request.path
                )),
                None => Reading::Holds,
            }
        })
    },
    passes: &["HTTP/1.1 200 OK\nserver: railway-edge", "HTTP/1.1 200 OK\nserver: Fly/93ca4b6a (2026-01-02)"],
    fails: &["HTTP/1.1 200 OK\nserver: nginx/1.24.0", "HTTP/1.1 200 OK\nx-powered-by: Express"],
};

/// `nginx/1.24.0`. Versions of edges are ignored: the deployment cannot change them.
fn names_a_version(server: &str) -> bool {
    let edge = ["fly/", "cloudflare", "railway", "vercel", "awselb/", "akamai"];
    let server = server.to_ascii_lowercase();
    let version =
        server.split_once('/').is_some_and(|(_, version)| version.starts_with(|c: char| c.is_ascii_digit()));
    version && !edge.iter().any(|edge| server.starts_with(edge))
}
