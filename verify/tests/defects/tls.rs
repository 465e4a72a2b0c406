//! What is served without TLS, or promised on success only.

use crate::Defect;

pub(crate) const DEFECTS: &[Defect] = &[
    Defect {
        name: "serves without TLS",
        caught_by: &["tls.plain-http.policy"],
        distort: |seen, reply| {
            if seen.secure.is_some() {
                reply.content("application/json", "{}");
            }
        },
    },
    Defect {
        name: "turns a POST without TLS into a GET",
        caught_by: &["tls.plain-http.method-kept"],
        distort: |seen, reply| {
            if seen.secure.is_some() {
                reply.status = 301;
            }
        },
    },
    Defect {
        name: "promises TLS on success only",
        caught_by: &["tls.hsts"],
        distort: |_, reply| {
            if reply.status == 404 {
                reply.remove("strict-transport-security");
            }
        },
    },
];
