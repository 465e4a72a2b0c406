//! Files that belong to the repository or the operator, recognised by their content.

use super::Content;
use crate::model::check::{Ask, Check, Needs, Reading, Severity, Verdict};
use crate::model::exchange::Exchange;

const COMMON: Check = Check {
    id: "",
    severity: Severity::High,
    needs: Needs::Nothing,
    rule: "",
    rationale: "",
    remedy: "Serve static files only from a folder made for them, never from the repository's root; rotate every secret \
             that was public. FastAPI: `StaticFiles(directory=\"public\")`. Express: `express.static(\"public\", { \
             dotfiles: \"ignore\" })`. Here: the server serves no files.",
    references: &["https://cwe.mitre.org/data/definitions/538.html"],
    requirements: &["FR-004", "FR-008", "v5.0.0-13.4.7"],
    ask: |_| Ask::skip("a template"),
    judge: |_, _| Verdict::Pass,
    passes: &[
        "HTTP/1.1 404 Not Found",
        "HTTP/1.1 200 OK\ncontent-type: text/html\n\n<html>an app that answers every path</html>",
    ],
    fails: &[],
};

pub(super) const ENV: Check = Check {
    id: "exposure.files.env",
    rule: "No environment file is public.",
    rationale: "`.env` holds the database's password, and scanners request it from every public address.",
    ask: |_| ask(ENV_FILES),
    judge: |_, exchanges| judge(exchanges, ENV_FILES),
    fails: &[
        "HTTP/1.1 404 Not Found\n---\nHTTP/1.1 200 OK\ncontent-type: text/plain\n\nDATABASE_URL=postgres://db\nPORT=1\n",
    ],
    ..COMMON
};

pub(super) const VCS: Check = Check {
    id: "exposure.files.vcs",
    rule: "No version control folder is public.",
    rationale: "From `.git` the whole source and its history can be rebuilt, with every secret that was ever committed.",
    references: &["https://cwe.mitre.org/data/definitions/527.html"],
    requirements: &["FR-004", "FR-008", "v5.0.0-13.4.1"],
    ask: |_| ask(VCS_FILES),
    judge: |_, exchanges| judge(exchanges, VCS_FILES),
    fails: &["HTTP/1.1 404 Not Found\n---\nHTTP/1.1 200 OK\n\nref: refs/heads/main\n[core]\n"],
    ..COMMON
};

pub(super) const KEYS_AND_BACKUPS: Check = Check {
    id: "exposure.files.keys-and-backups",
    rule: "No key, backup or build file is public.",
    rationale: "They show that the web root is the repository's root, and that other files are public too.",
    references: &[
        "https://cwe.mitre.org/data/definitions/530.html",
        "https://cwe.mitre.org/data/definitions/538.html",
    ],
    ask: |_| ask(OTHER_FILES),
    judge: |_, exchanges| judge(exchanges, OTHER_FILES),
    fails: &[
        "HTTP/1.1 404 Not Found\n---\nHTTP/1.1 200 OK\n\n[package]\nname = \"server\"\n-----BEGIN PRIVATE KEY-----",
    ],
    ..COMMON
};

/// A path, and a test of its content.
type Known = (&'static str, fn(&str) -> bool);

const ENV_FILES: &[Known] =
    &[("/.env", is_assignments), ("/.env.local", is_assignments), ("/.env.production", is_assignments)];

const VCS_FILES: &[Known] = &[
    ("/.git/HEAD", |body| body.starts_with("ref: ") || is_hash(body)),
    ("/.git/config", |body| body.contains("[core]")),
    ("/.svn/entries", |body| body.starts_with(|c: char| c.is_ascii_digit())),
    ("/.hg/requires", |body| body.contains("revlog")),
];

const OTHER_FILES: &[Known] = &[
    ("/Cargo.toml", |body| body.contains("[package]") || body.contains("[workspace]")),
    ("/package.json", |body| body.contains("\"dependencies\"")),
    ("/Procfile", |body| body.starts_with("web:")),
    ("/profiles/production.toml", |body| body.contains("environment =")),
    ("/id_rsa", |body| body.contains("PRIVATE KEY")),
    ("/server.key", |body| body.contains("PRIVATE KEY")),
    ("/backup.sql", |body| body.contains("CREATE TABLE") || body.contains("PostgreSQL database dump")),
];

fn ask(files: &[Known]) -> Ask {
    let paths: Vec<&str> = files.iter().map(|(path, _)| *path).collect();
    Ask::Questions(super::control_and(&paths, "secrets.required"))
}

fn judge(exchanges: &[Exchange], files: &[Known]) -> Verdict {
    super::against_control(exchanges, |exchange, response, content| {
        let known = files.iter().find(|(path, _)| *path == exchange.request.path);
        // The content decides, even if unknown paths are answered with a page.
        let found = !matches!(content, Content::None)
            && known.is_some_and(|(_, recognise)| recognise(&response.body));
        Reading::expect(!found, || {
            format!("GET {} answered {} with the file's content", exchange.request.path, response.status)
        })
    })
}

/// Lines of `NAME=value`, with any content type.
fn is_assignments(body: &str) -> bool {
    let is_name = |name: &str| {
        name.len() > 1 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    };
    body.lines()
        .any(|line| line.trim_start_matches("export ").split_once('=').is_some_and(|(name, _)| is_name(name)))
}

fn is_hash(body: &str) -> bool {
    let body = body.trim();
    body.len() == 40 && body.bytes().all(|b| b.is_ascii_hexdigit())
}
