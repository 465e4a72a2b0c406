//! How the live service is reached.

use crate::rule::Facts;
use crate::{Problem, Rule, Scheme};

pub(crate) const SECURE: Rule = Rule {
    id: "deployment.url.secure",
    rule: "Production's `deployment.url` uses https.",
    rationale: "Over plain http everyone on the network path reads the cookies and tokens of every request.",
    references: &["https://www.rfc-editor.org/rfc/rfc9110#section-4.2.2"],
    find: insecure,
};

pub(crate) const PUBLIC: Rule = Rule {
    id: "deployment.url.public",
    rule: "Production's `deployment.url` is not on localhost.",
    rationale: "A local copy proves nothing about the deployment that users reach. `verify --url` can name one for a single run.",
    references: &["https://www.rfc-editor.org/rfc/rfc6761#section-6.3"],
    find: local,
};

fn insecure(facts: &Facts<'_>) -> Vec<Problem> {
    let url = &facts.profile.deployment.url;
    if !facts.production() || url.scheme() == Scheme::Https || url.host().is_loopback() {
        return Vec::new();
    }
    let advice = format!("write \"https://{}\"", url.authority());
    vec![
        Problem::error(
            "deployment.url",
            format!("`{url}` is plain http: everyone on the network path can read it"),
        )
        .instead(advice),
    ]
}

fn local(facts: &Facts<'_>) -> Vec<Problem> {
    let url = &facts.profile.deployment.url;
    if !facts.production() || !url.host().is_loopback() {
        return Vec::new();
    }
    let message = format!("`{url}` is this machine, not the deployment that users reach");
    vec![Problem::error("deployment.url", message).instead(
        "write the deployment's public URL, such as \"https://api.example.com\"; `verify --url` overrides it",
    )]
}
