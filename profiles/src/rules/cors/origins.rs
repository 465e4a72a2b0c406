//! The origins that production can trust.

use crate::reader::source::element;
use crate::rule::Facts;
use crate::{Origin, Problem, Rule, Scheme};

pub(crate) const SOME: Rule = Rule {
    id: "cors.origins.some",
    rule: "At least one origin is declared.",
    rationale: "Without an origin no page can read a response; an empty list is a mistake.",
    references: &["https://fetch.spec.whatwg.org/#http-cors-protocol"],
    find: none,
};

pub(crate) const SECURE: Rule = Rule {
    id: "cors.origins.secure",
    rule: "Production's origins use https.",
    rationale: "An attacker on the network can replace a page of an http origin, and so read every response.",
    references: &["https://w3c.github.io/webappsec-secure-contexts/#is-origin-trustworthy"],
    find: insecure,
};

pub(crate) const PUBLIC: Rule = Rule {
    id: "cors.origins.public",
    rule: "Production's origins are not on localhost.",
    rationale: "Any program on a user's machine can serve a page on localhost, and so read the user's data.",
    references: &["https://www.rfc-editor.org/rfc/rfc6761#section-6.3"],
    find: local,
};

fn none(facts: &Facts<'_>) -> Vec<Problem> {
    if !facts.profile.cors.origins.is_empty() {
        return Vec::new();
    }
    vec![
        Problem::error("cors.origins", "the list is empty, so no page can read a response")
            .instead("write the front end's origin, such as \"https://app.example.com\""),
    ]
}

fn insecure(facts: &Facts<'_>) -> Vec<Problem> {
    refused(facts, |origin| {
        if origin.scheme() == Scheme::Https || origin.host().is_loopback() {
            return None;
        }
        let problem =
            format!("origin `{origin}` is plain http: an attacker on the network can forge its pages");
        Some((problem, format!("write \"https://{}\"", origin.authority())))
    })
}

fn local(facts: &Facts<'_>) -> Vec<Problem> {
    refused(facts, |origin| {
        origin.host().is_loopback().then(|| {
            let problem = format!("origin `{origin}` is on the user's machine, not in production");
            (problem, "remove it; it belongs in development.toml".to_owned())
        })
    })
}

/// A problem for each of production's origins that `judge` refuses with a message and advice.
pub(crate) fn refused(
    facts: &Facts<'_>,
    judge: impl Fn(&Origin) -> Option<(String, String)>,
) -> Vec<Problem> {
    if !facts.production() {
        return Vec::new();
    }
    let origins = facts.profile.cors.origins.iter().enumerate();
    origins
        .filter_map(|(index, origin)| {
            let (message, advice) = judge(origin)?;
            Some(Problem::error(element("cors.origins", index), message).instead(advice))
        })
        .collect()
}
