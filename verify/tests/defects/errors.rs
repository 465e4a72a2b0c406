//! Errors that break the declared form, or say too much.

use crate::{Defect, with_member};

pub(crate) const DEFECTS: &[Defect] = &[
    Defect {
        name: "answers errors in HTML",
        caught_by: &["errors.shape.as-declared"],
        distort: |_, reply| {
            if reply.status == 404 {
                reply.set("content-type", "text/html");
                "<h1>Not Found</h1>".clone_into(&mut reply.body);
            }
        },
    },
    Defect {
        name: "shows a trace for broken JSON",
        caught_by: &["errors.leak.no-trace"],
        distort: |seen, reply| {
            if seen.header("content-type") == Some("application/json") {
                reply.body = with_member(&reply.body, "detail", "Traceback (most recent call last)");
            }
        },
    },
    Defect {
        name: "repeats the path in an HTML page",
        caught_by: &["errors.reflect.inert"],
        distort: |seen, reply| {
            if reply.status == 404 {
                reply.set("content-type", "text/html");
                reply.body = format!("Cannot GET {}", seen.path.replace("%3C", "<").replace("%3E", ">"));
            }
        },
    },
    Defect {
        name: "takes the request id that it is sent",
        caught_by: &["errors.request-id.safe"],
        distort: |seen, reply| {
            if let Some(id) = seen.header("x-request-id") {
                reply.set("x-request-id", id);
            }
        },
    },
    Defect {
        name: "gives every request the same id",
        caught_by: &["errors.request-id.safe"],
        distort: |_, reply| reply.set("x-request-id", "0"),
    },
];
