//! What is wrong with the service as a whole.

use crate::Defect;

pub(crate) const DEFECTS: &[Defect] = &[
    Defect {
        name: "answers every path with its index page",
        caught_by: &["run.control.unknown-path-404"],
        distort: |seen, reply| {
            if reply.status == 404 && seen.method == "GET" {
                reply.content("text/html", "<title>app</title>");
            }
        },
    },
    Defect {
        name: "still runs the old release",
        caught_by: &["run.release.matches"],
        distort: |_, reply| reply.set("x-release", "0000000"),
    },
    Defect {
        name: "fails on an odd query",
        caught_by: &["run.no-5xx-anywhere"],
        distort: |seen, reply| {
            if seen.query.contains('%') {
                reply.status = 500;
            }
        },
    },
];
