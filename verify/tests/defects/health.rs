//! Health checks that do not keep the contract.

use std::time::Duration;

use crate::{Defect, in_health, with_member};

pub(crate) const DEFECTS: &[Defect] = &[
    Defect {
        name: "answers its health check in plain text",
        caught_by: &["health.contract.status-and-type"],
        distort: |seen, reply| in_health(seen, reply, |reply| reply.set("content-type", "text/plain")),
    },
    Defect {
        name: "cannot reach its database",
        caught_by: &["health.contract.status-and-type"],
        distort: |seen, reply| {
            in_health(seen, reply, |reply| {
                reply.status = 503;
                reply.body = reply
                    .body
                    .replace("\"ok\"", "\"unhealthy\"")
                    .replace("\"connected\"", "\"disconnected\"");
            });
        },
    },
    Defect {
        name: "renamed a word of the health contract",
        caught_by: &["health.contract.schema"],
        distort: |seen, reply| {
            in_health(seen, reply, |reply| reply.body = reply.body.replace("\"connected\"", "\"up\""));
        },
    },
    Defect {
        name: "runs as development",
        caught_by: &["health.contract.environment"],
        distort: |seen, reply| {
            in_health(seen, reply, |reply| {
                reply.body = reply.body.replace("\"production\"", "\"development\"");
            });
        },
    },
    Defect {
        name: "answers 200 with a disconnected database",
        caught_by: &["health.contract.status-agrees-with-body"],
        distort: |seen, reply| {
            in_health(seen, reply, |reply| {
                reply.body = reply.body.replace("\"connected\"", "\"disconnected\"");
            });
        },
    },
    Defect {
        name: "took its timestamp at start",
        caught_by: &["health.fresh.timestamp-moves"],
        distort: |seen, reply| {
            in_health(seen, reply, |reply| {
                reply.body = with_member(&reply.body, "timestamp", "2026-01-02T03:04:05.5Z");
            });
        },
    },
    Defect {
        name: "lets its health check be cached",
        caught_by: &["health.fresh.not-cached"],
        distort: |seen, reply| in_health(seen, reply, |reply| reply.set("cache-control", "max-age=60")),
    },
    Defect {
        name: "answers its health check late",
        caught_by: &["health.fresh.latency"],
        distort: |seen, reply| {
            if seen.header("origin").is_none() {
                in_health(seen, reply, |reply| reply.delay = Duration::from_millis(3_500));
            }
        },
    },
    Defect {
        name: "names its database's error",
        caught_by: &["health.leak.no-internals"],
        distort: |seen, reply| {
            in_health(seen, reply, |reply| {
                reply.body = with_member(&reply.body, "detail", "connection to 10.0.0.3:5432 refused");
            });
        },
    },
];
