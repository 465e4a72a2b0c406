//! Preflights that are answered wrongly.

use crate::support::problem;
use crate::{APP, Defect, has_grant};

pub(crate) const DEFECTS: &[Defect] = &[
    Defect {
        name: "forgot PATCH in its preflights",
        caught_by: &["cors.preflight.allows-declared"],
        distort: |seen, reply| {
            if seen.header("access-control-request-method") == Some("PATCH") {
                *reply = problem(403, "Forbidden");
            }
        },
    },
    Defect {
        name: "asks for a login before CORS",
        caught_by: &["cors.preflight.needs-no-auth"],
        distort: |seen, reply| {
            if seen.is_preflight() {
                reply.status = 401;
            }
        },
    },
    Defect {
        name: "routes preflights like any other request",
        caught_by: &["cors.preflight.ok-status"],
        distort: |seen, reply| {
            if seen.is_preflight() {
                reply.status = 405;
            }
        },
    },
    Defect {
        name: "leaves Authorization to `*`",
        caught_by: &["cors.preflight.authorization-explicit"],
        distort: |seen, reply| {
            if seen.is_preflight() && has_grant(reply) {
                reply.set("access-control-allow-headers", "*");
            }
        },
    },
    Defect {
        name: "grants every preflight",
        caught_by: &["cors.preflight.rejects-origin"],
        distort: |seen, reply| {
            if seen.is_preflight() {
                reply.status = 204;
                reply.grant(seen);
                reply.set(
                    "access-control-allow-methods",
                    seen.header("access-control-request-method").unwrap_or_default(),
                );
            }
        },
    },
    Defect {
        name: "echoes the method that a preflight asks for",
        caught_by: &["cors.preflight.rejects-method"],
        distort: |seen, reply| {
            if seen.is_preflight() && seen.origin() == APP && reply.status == 403 {
                reply.status = 204;
                reply.grant(seen);
                reply.set(
                    "access-control-allow-methods",
                    seen.header("access-control-request-method").unwrap_or_default(),
                );
            }
        },
    },
    Defect {
        name: "echoes the headers that a preflight asks for",
        caught_by: &["cors.preflight.rejects-header"],
        distort: |seen, reply| {
            if let (true, APP, Some(asked)) =
                (seen.is_preflight(), seen.origin(), seen.header("access-control-request-headers"))
            {
                reply.status = 204;
                reply.grant(seen);
                reply.set("access-control-allow-headers", asked);
            }
        },
    },
    Defect {
        name: "lets browsers remember preflights for a year",
        caught_by: &["cors.preflight.max-age-as-declared"],
        distort: |_, reply| {
            if reply.headers.iter().any(|(name, _)| name == "access-control-max-age") {
                reply.set("access-control-max-age", "31536000");
            }
        },
    },
    Defect {
        name: "compares the list of request headers as one text",
        caught_by: &["cors.preflight.tolerates-list-syntax"],
        distort: |seen, reply| {
            if seen
                .header("access-control-request-headers")
                .is_some_and(|asked| asked != "authorization,content-type")
            {
                *reply = problem(403, "Forbidden");
            }
        },
    },
    Defect {
        name: "takes every OPTIONS for a preflight",
        caught_by: &["cors.preflight.plain-options-is-not-preflight"],
        distort: |seen, reply| {
            if seen.method == "OPTIONS" && !seen.is_preflight() {
                reply.remove("allow");
                reply.set("access-control-allow-methods", "GET");
            }
        },
    },
];
