//! What a stranger gets and must not.

use crate::{Defect, serve, with_member};

pub(crate) const DEFECTS: &[Defect] = &[
    Defect {
        name: "left its documentation on",
        caught_by: &["exposure.docs.as-declared"],
        distort: |seen, reply| serve(seen, reply, "/docs", "text/html", "<title>Swagger UI</title>"),
    },
    Defect {
        name: "answers GraphQL introspection",
        caught_by: &["exposure.graphql.introspection"],
        distort: |seen, reply| {
            if seen.path == "/graphql" && seen.method == "POST" {
                reply.content("application/json", r#"{"data":{"__schema":{"queryType":{"name":"Query"}}}}"#);
            }
        },
    },
    Defect {
        name: "decodes paths after it has checked them",
        caught_by: &["exposure.files.traversal"],
        distort: |seen, reply| {
            if seen.path.starts_with("/..%2f") && seen.path.ends_with("etc/passwd") {
                reply.content("text/plain", "root:x:0:0:root:/root:/bin/sh\n");
            }
        },
    },
    Defect {
        name: "serves its .env",
        caught_by: &["exposure.files.env"],
        distort: |seen, reply| serve(seen, reply, "/.env", "text/plain", "PORT=8000\nJWT_KEY=abc\n"),
    },
    Defect {
        name: "serves its .git",
        caught_by: &["exposure.files.vcs"],
        distort: |seen, reply| {
            serve(seen, reply, "/.git/HEAD", "application/octet-stream", "ref: refs/heads/main\n");
        },
    },
    Defect {
        name: "serves its repository's root",
        caught_by: &["exposure.files.keys-and-backups"],
        distort: |seen, reply| serve(seen, reply, "/Cargo.toml", "text/plain", "[workspace]\n"),
    },
    Defect {
        name: "shows its metrics in public",
        caught_by: &["exposure.debug.endpoints"],
        distort: |seen, reply| serve(seen, reply, "/metrics", "text/plain", "http_requests_total 5\n"),
    },
    Defect {
        name: "advertises its framework",
        caught_by: &["exposure.banner"],
        distort: |_, reply| reply.set("x-powered-by", "Express"),
    },
    Defect {
        name: "shows a connection string in an error",
        caught_by: &["exposure.secrets.patterns"],
        distort: |_, reply| {
            if reply.status == 405 {
                reply.body = with_member(&reply.body, "detail", "postgres://app:hunter2@db/app");
            }
        },
    },
];
