//! Headers of every answer that are missing or wrong.

use crate::Defect;

pub(crate) const DEFECTS: &[Defect] = &[
    Defect {
        name: "sends its security headers only on success",
        caught_by: &["headers.security-as-declared"],
        distort: |_, reply| {
            if reply.status >= 400 {
                reply.remove("x-content-type-options");
            }
        },
    },
    Defect {
        name: "sets a cookie that scripts can read",
        caught_by: &["headers.cookies"],
        distort: |_, reply| reply.set("set-cookie", "sid=1; Secure; SameSite=Lax"),
    },
    Defect {
        name: "compresses for clients that refused it",
        caught_by: &["headers.encoding"],
        distort: |seen, reply| {
            if seen.header("accept-encoding").is_some() {
                reply.set("content-encoding", "gzip");
            }
        },
    },
    Defect {
        name: "does not tell caches that it compresses",
        caught_by: &["headers.encoding"],
        distort: |_, reply| reply.set("vary", "origin"),
    },
];
