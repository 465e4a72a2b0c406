//! The header that names the release has no other meaning.

use crate::rule::Facts;
use crate::{Problem, Rule};

pub(crate) const OWN: Rule = Rule {
    id: "deployment.release-header.own",
    rule: "`deployment.release_header` begins with `x-` and has no other meaning.",
    rationale: "Every answer carries it: the name of an HTTP, CORS or security header would change what the answers mean.",
    references: &["https://www.rfc-editor.org/rfc/rfc9110#section-16.3.2.1"],
    find,
};

fn find(facts: &Facts<'_>) -> Vec<Problem> {
    let name = facts.profile.deployment.release_header.as_str();
    // `x-request-id` is the service's; browsers read `x-content-type-options` and its like.
    let own = name.starts_with("x-")
        && name != "x-request-id"
        && !name.starts_with("x-content-")
        && !name.starts_with("x-frame-");
    if own {
        return Vec::new();
    }
    let message = format!("deployment.release_header = `{name}`, which has another meaning");
    vec![
        Problem::error("deployment.release_header", message)
            .instead("write a name of your own that begins with `x-`, such as \"x-release\""),
    ]
}
