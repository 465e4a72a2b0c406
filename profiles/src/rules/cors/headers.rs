//! Header names that CORS cannot grant.

use crate::reader::source::element;
use crate::rule::Facts;
use crate::{FieldName, Problem, Rule};

pub(crate) const REQUEST: Rule = Rule {
    id: "cors.request-headers.allowable",
    rule: "`cors.request_headers` names only headers that a page can set.",
    rationale: "Browsers drop forbidden request headers, so the promise cannot be kept.",
    references: &["https://fetch.spec.whatwg.org/#forbidden-request-header"],
    find: request,
};

pub(crate) const EXPOSED: Rule = Rule {
    id: "cors.exposed-headers.readable",
    rule: "`cors.exposed_headers` names only headers that a page can read.",
    rationale: "Browsers hide `set-cookie` from every page, and request headers are never in a response.",
    references: &["https://fetch.spec.whatwg.org/#forbidden-response-header-name"],
    find: exposed,
};

const FORBIDDEN_TO_SEND: &[&str] = &[
    "accept-charset",
    "accept-encoding",
    "connection",
    "content-length",
    "cookie",
    "cookie2",
    "date",
    "dnt",
    "expect",
    "host",
    "keep-alive",
    "origin",
    "referer",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];
const FORBIDDEN_TO_READ: &[&str] = &["set-cookie", "set-cookie2"];

const OF_CORS_REQUESTS: &[&str] = &[
    "access-control-request-headers",
    "access-control-request-method",
    "access-control-request-private-network",
    "origin",
];
const OF_CORS_RESPONSES: &[&str] = &[
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-allow-private-network",
    "access-control-expose-headers",
    "access-control-max-age",
];

fn request(facts: &Facts<'_>) -> Vec<Problem> {
    refused("cors.request_headers", &facts.profile.cors.request_headers, |name| {
        let forbidden = FORBIDDEN_TO_SEND.contains(&name)
            || OF_CORS_REQUESTS.contains(&name)
            || name.starts_with("proxy-")
            || name.starts_with("sec-");
        if forbidden {
            return Some("is set by browsers only; the Fetch standard lets no page send it");
        }
        OF_CORS_RESPONSES.contains(&name).then_some("is a response header; no request carries it")
    })
}

fn exposed(facts: &Facts<'_>) -> Vec<Problem> {
    refused("cors.exposed_headers", &facts.profile.cors.exposed_headers, |name| {
        if FORBIDDEN_TO_READ.contains(&name) {
            return Some("is hidden from every page by the Fetch standard");
        }
        if OF_CORS_REQUESTS.contains(&name) {
            return Some("is a request header; no response carries it");
        }
        // Only the browser reads preflight answers.
        ["access-control-allow-headers", "access-control-allow-methods", "access-control-max-age"]
            .contains(&name)
            .then_some("belongs to preflight answers, which no page can read")
    })
}

fn refused(setting: &str, names: &[FieldName], why: impl Fn(&str) -> Option<&'static str>) -> Vec<Problem> {
    names
        .iter()
        .enumerate()
        .filter_map(|(index, name)| {
            let message = format!("header `{name}` {}", why(name.as_str())?);
            Some(Problem::error(element(setting, index), message).instead("remove it"))
        })
        .collect()
}
