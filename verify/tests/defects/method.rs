//! Methods that are answered wrongly.

use crate::Defect;
use crate::support::Reply;

pub(crate) const DEFECTS: &[Defect] = &[
    Defect {
        name: "does not say which methods it allows",
        caught_by: &["method.405-with-allow"],
        distort: |_, reply| reply.remove("allow"),
    },
    Defect {
        name: "does not support HEAD",
        caught_by: &["method.head-equals-get"],
        distort: |seen, reply| {
            if seen.method == "HEAD" {
                reply.status = 405;
            }
        },
    },
    Defect {
        name: "takes `get` for GET",
        caught_by: &["method.unknown-refused"],
        distort: |seen, reply| {
            if seen.method == "get" {
                reply.status = 200;
            }
        },
    },
    Defect {
        name: "echoes TRACE",
        caught_by: &["method.trace-connect-refused"],
        distort: |seen, reply| {
            if seen.method == "TRACE" {
                reply.content("message/http", seen.header("x-plumbline-echo").unwrap_or_default());
            }
        },
    },
    Defect {
        name: "opens tunnels for any client",
        caught_by: &["method.trace-connect-refused"],
        distort: |seen, reply| {
            if seen.method == "CONNECT" {
                *reply = Reply::new(200);
            }
        },
    },
];
