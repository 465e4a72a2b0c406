//! Errors show no stack trace, source path or query.

use crate::model::check::{Ask, Check, Needs, Question, Reading, Severity, Subject, Verdict};
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "errors.leak.no-trace",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "No error shows a stack trace, a source path or a query.",
    rationale: "A trace tells an attacker the framework, its version and which input reaches which code.",
    remedy: "Turn debug mode off, and log the trace under the request id that the answer carries. FastAPI: no \
             `debug=True`. Express: `NODE_ENV=production`.",
    references: &["https://cwe.mitre.org/data/definitions/209.html"],
    requirements: &["FR-008", "v5.0.0-16.5.1"],
    ask: |subject| {
        let health = subject.health();
        let mut json = Probe::new("POST", health).with("content-type", "application/json");
        json.request.body = Some("{\"broken\": ".to_owned());
        let unknown = Subject::unknown_path();
        let probes = [
            json,
            Probe::get(&format!("{unknown}/%ff%fe")),
            Probe::get(&format!("{unknown}/%00")),
            Probe::get(&format!("{health}?q={}", "a".repeat(2_000))),
            Probe::get(&format!("{health}?id=1%27%20OR%20%271%27=%271")),
        ];
        Ask::Questions(probes.into_iter().map(|probe| Question::new(probe, "verify.errors")).collect())
    },
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            match TRACES.iter().find(|sign| response.body.contains(**sign)) {
                Some(sign) => {
                    let request = &exchange.request;
                    let path: String = request.path.chars().take(60).collect();
                    Reading::Broken(format!(
                        "the {} of {} {path} contains `{sign}`",
                        response.status, request.method
                    ))
                }
                None => Reading::Holds,
            }
        })
    },
    passes: &["HTTP/1.1 400 Bad Request\n\n{\"title\":\"Bad Request\"}"],
    fails: &[
        "HTTP/1.1 500 Internal Server Error\n\nTraceback (most recent call last):\n  File \"/app/main.py\", line 3",
        "HTTP/1.1 500 Internal Server Error\n\nError: boom\n    at Layer.handle (/srv/node_modules/express/lib/router/layer.js:95:5)",
        "HTTP/1.1 500 Internal Server Error\n\nthread 'main' panicked at src/main.rs:4:5",
    ],
};

const TRACES: &[&str] = &[
    "Traceback (most recent call last)",
    "File \"/",
    "node_modules/",
    "panicked at",
    "stack backtrace",
    "goroutine ",
    ".rs:",
    ".py\", line",
    "SQLSTATE",
    "sqlalchemy.",
    "psycopg",
    "asyncpg.",
    "PG::",
    "syntax error at or near",
    "java.lang.",
    "Exception in thread",
    "Werkzeug",
];
