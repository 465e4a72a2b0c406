//! Requests that are read wrongly.

use crate::Defect;
use crate::support::Reply;

pub(crate) const DEFECTS: &[Defect] = &[
    Defect {
        name: "builds redirects from the Host that it is sent",
        caught_by: &["http1.host.not-trusted"],
        distort: |seen, reply| {
            if seen.path == "/health/" {
                let host = seen.header("x-forwarded-host").or(seen.header("host")).unwrap_or_default();
                *reply = Reply::new(307);
                reply.set("location", format!("https://{host}/health"));
            }
        },
    },
    Defect {
        name: "needs no Host",
        caught_by: &["http1.host.missing-or-duplicate"],
        distort: |seen, reply| {
            if seen.header("host").is_none() {
                reply.content("application/json", "{}");
            }
        },
    },
    Defect {
        name: "takes bodies of any size",
        caught_by: &["http1.limit.body"],
        distort: |_, reply| {
            if reply.status == 413 {
                reply.status = 200;
            }
        },
    },
];
