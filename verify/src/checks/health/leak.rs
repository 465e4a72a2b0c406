//! The health check shows no internals.

use crate::model::check::{Ask, Check, Needs, Reading, Severity, Verdict};
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "health.leak.no-internals",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "The health check's body names no host, user, version, query or error text.",
    rationale: "The body is public, and an error's text hands an attacker addresses, user names and versions.",
    remedy: "Put the class of the error into the log, and only the contract's words into the body. FastAPI: no \
             `str(error)` in the answer. Express: no `error.message`.",
    references: &[
        "https://cwe.mitre.org/data/definitions/209.html",
        "https://cwe.mitre.org/data/definitions/200.html",
    ],
    requirements: &["FR-003", "FR-008", "v5.0.0-16.5.1", "v5.0.0-13.4.6"],
    ask: |subject| Ask::one(Probe::get(subject.health()), "health.path"),
    judge: |_, exchanges| {
        Verdict::of_each(exchanges, |exchange, response| {
            let body = response.body.to_ascii_lowercase();
            match INTERNALS.iter().find(|sign| body.contains(**sign)) {
                Some(sign) => {
                    Reading::Broken(format!("the body of GET {} contains `{sign}`", exchange.request.path))
                }
                None => Reading::Holds,
            }
        })
    },
    passes: &[
        super::contract::HEALTHY,
        "HTTP/1.1 200 OK\n\n{\"status\":\"ok\",\"timestamp\":\"2026-01-02T03:04:05.154321Z\"}",
    ],
    fails: &[
        "HTTP/1.1 503 Service Unavailable\n\n{\"error\":\"connection to server at 10.0.0.3, port 5432 failed: password authentication failed\"}",
        "HTTP/1.1 200 OK\n\n{\"version\":\"PostgreSQL 15.4 on x86_64\"}",
        "HTTP/1.1 200 OK\n\n{\"url\":\"postgres://app@db\"}",
    ],
};

/// Words of error texts and connection strings that the contract does not use; in lower case.
pub(in crate::checks) const INTERNALS: &[&str] = &[
    "postgres://",
    "postgresql",
    "mysql",
    "sqlite",
    "select ",
    ":5432",
    "port 5432",
    "password",
    "refused",
    "timed out",
    "timeout",
    "econn",
    "errno",
    "127.0.0.1",
    "connect call",
    "connection reset",
    "getaddrinfo",
    "could not",
    "failed:",
    "error:",
    "exception",
    "traceback",
    "sqlstate",
    "asyncpg",
    "psycopg",
    "sqlalchemy",
    "hostname",
    "pool_size",
    ".rs:",
    ".py",
    ".js:",
    "/app/",
    "/usr/",
    "/home/",
];
