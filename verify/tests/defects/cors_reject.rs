//! Origins that are granted and must not be.

use crate::support::problem;
use crate::{APP, Defect, grant_if};

pub(crate) const DEFECTS: &[Defect] = &[
    Defect {
        name: "echoes any origin",
        caught_by: &["cors.reject.reflected"],
        distort: |seen, reply| reply.grant(seen),
    },
    Defect {
        name: "echoes the origin of requests with a cookie",
        caught_by: &["cors.reject.reflected"],
        distort: |seen, reply| {
            if seen.header("cookie").is_some() {
                reply.grant(seen);
            }
        },
    },
    Defect {
        name: "allows `null`",
        caught_by: &["cors.reject.null"],
        distort: |seen, reply| grant_if(seen, reply, |origin| origin == "null"),
    },
    Defect {
        name: "compares origins with starts_with",
        caught_by: &["cors.reject.prefix"],
        distort: |seen, reply| grant_if(seen, reply, |origin| origin.starts_with(APP)),
    },
    Defect {
        name: "compares origins with ends_with",
        caught_by: &["cors.reject.suffix"],
        distort: |seen, reply| grant_if(seen, reply, |origin| origin.ends_with("todo.example.com")),
    },
    Defect {
        name: "looks for the origin inside its list",
        caught_by: &["cors.reject.substring"],
        distort: |seen, reply| {
            grant_if(seen, reply, |origin| {
                "https://todo.example.com,https://www.example.com".contains(origin)
            });
        },
    },
    Defect {
        name: "matches origins by a regular expression with bare dots",
        caught_by: &["cors.reject.unescaped-dot"],
        distort: |seen, reply| {
            grant_if(seen, reply, |origin| {
                origin.len() == APP.len() && origin.starts_with("https://todo") && origin.ends_with("com")
            });
        },
    },
    Defect {
        name: "allows every subdomain of its front end",
        caught_by: &["cors.reject.subdomain"],
        distort: |seen, reply| grant_if(seen, reply, |origin| origin.ends_with(".todo.example.com")),
    },
    Defect {
        name: "allows the whole domain of its front end",
        caught_by: &["cors.reject.parent-and-sibling"],
        distort: |seen, reply| {
            grant_if(seen, reply, |origin| {
                origin == "https://example.com" || origin == "https://evil.example.com"
            });
        },
    },
    Defect {
        name: "ignores the scheme",
        caught_by: &["cors.reject.http-downgrade"],
        distort: |seen, reply| grant_if(seen, reply, |origin| origin == "http://todo.example.com"),
    },
    Defect {
        name: "ignores the port",
        caught_by: &["cors.reject.other-port"],
        distort: |seen, reply| {
            grant_if(seen, reply, |origin| origin.starts_with("https://todo.example.com:"));
        },
    },
    Defect {
        name: "normalises origins before comparing",
        caught_by: &["cors.reject.non-canonical"],
        distort: |seen, reply| {
            grant_if(seen, reply, |origin| origin.to_ascii_lowercase().trim_end_matches(['/', '.']) == APP);
        },
    },
    Defect {
        name: "stops reading a host at an odd character",
        caught_by: &["cors.reject.special-characters"],
        distort: |seen, reply| {
            grant_if(seen, reply, |origin| origin.split(['_', '~', '$', '!', '{']).next() == Some(APP));
        },
    },
    Defect {
        name: "left localhost allowed",
        caught_by: &["cors.reject.localhost"],
        distort: |seen, reply| {
            grant_if(seen, reply, |origin| origin == "http://localhost" || origin == "http://127.0.0.1");
        },
    },
    Defect {
        name: "runs with the development profile's origins",
        caught_by: &["cors.reject.other-profile"],
        distort: |seen, reply| grant_if(seen, reply, |origin| origin == "http://localhost:5173"),
    },
    Defect {
        name: "allows wrapped apps and files",
        caught_by: &["cors.reject.alien-scheme"],
        distort: |seen, reply| {
            grant_if(seen, reply, |origin| origin == "capacitor://localhost" || origin == "file://");
        },
    },
    Defect {
        name: "takes the first of several origins",
        caught_by: &["cors.reject.list-and-duplicates"],
        distort: |seen, reply| {
            if seen.origin().split([',', ' ']).next() == Some(APP) {
                reply.set("access-control-allow-origin", APP);
            }
        },
    },
    Defect {
        name: "fails on an Origin that is no text",
        caught_by: &["cors.reject.hostile-bytes"],
        distort: |seen, reply| {
            if !seen.origin().is_ascii() {
                *reply = problem(500, "Internal Server Error");
            }
        },
    },
];
