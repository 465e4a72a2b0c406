//! Grants on answers that are not what the profile declares.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::{APP, Defect, has_grant, strip_grant};

pub(crate) const DEFECTS: &[Defect] = &[
    Defect {
        name: "lost its second origin",
        caught_by: &["cors.actual.allows-declared-origin"],
        distort: |seen, reply| {
            if seen.origin() == "https://www.example.com" {
                strip_grant(reply);
            }
        },
    },
    Defect {
        name: "spells credentials `True`",
        caught_by: &["cors.actual.credentials-as-declared"],
        distort: |_, reply| {
            if has_grant(reply) {
                reply.set("access-control-allow-credentials", "True");
            }
        },
    },
    Defect {
        name: "allows every origin by `*`",
        caught_by: &["cors.actual.no-wildcard"],
        distort: |_, reply| reply.set("access-control-allow-origin", "*"),
    },
    Defect {
        name: "sends its grant twice, from the proxy and the application",
        caught_by: &["cors.actual.single-header"],
        distort: |seen, reply| {
            if has_grant(reply) {
                reply.add("access-control-allow-origin", seen.origin());
            }
        },
    },
    Defect {
        name: "grants a default origin when none was sent",
        caught_by: &["cors.actual.no-origin-no-grant"],
        distort: |seen, reply| {
            if seen.header("origin").is_none() {
                reply.set("access-control-allow-origin", APP);
            }
        },
    },
    Defect {
        name: "shows its policy to refused origins",
        caught_by: &["cors.actual.denied-is-bare"],
        distort: |seen, reply| {
            if seen.header("origin").is_some() {
                reply.set("access-control-allow-credentials", "true");
            }
        },
    },
    Defect {
        name: "varies by origin only when one was sent",
        caught_by: &["cors.actual.vary-origin"],
        distort: |seen, reply| {
            if seen.header("origin").is_none() {
                reply.remove("vary");
            }
        },
    },
    Defect {
        name: "stands behind a cache that ignores origins",
        caught_by: &["cors.actual.cache-not-poisoned"],
        distort: |seen, reply| {
            static STORED: AtomicBool = AtomicBool::new(false);
            if seen.query == "plumbline=cache" && STORED.swap(true, Ordering::Relaxed) {
                strip_grant(reply);
            }
        },
    },
    Defect {
        name: "writes errors outside its CORS layer",
        caught_by: &["cors.actual.errors-keep-grant"],
        distort: |seen, reply| {
            if reply.status >= 400 && !seen.is_preflight() {
                strip_grant(reply);
            }
        },
    },
    Defect {
        name: "exposes every header",
        caught_by: &["cors.actual.expose-headers-as-declared"],
        distort: |_, reply| {
            if has_grant(reply) {
                reply.set("access-control-expose-headers", "x-request-id, x-internal");
            }
        },
    },
];
