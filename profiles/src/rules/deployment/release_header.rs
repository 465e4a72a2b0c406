//! The header that names the release is one of our own.

use crate::rule::Facts;
use crate::{Problem, Rule};

pub(crate) const OWN: Rule = Rule {
    id: "deployment.release-header.own",
    rule: "`deployment.release_header` is a header that nothing else uses.",
    rationale: "It is added to every answer: as a header of HTTP, CORS or security it would change what answers mean.",
    references: &["https://www.rfc-editor.org/rfc/rfc9110#section-16.3.2.1"],
    find,
};

fn find(facts: &Facts<'_>) -> Vec<Problem> {
    let name = facts.profile.deployment.release_header.as_str();
    // `x-request-id` is ours, and `x-content-type-options` and its like are the browser's.
    let own = name.starts_with("x-")
        && name != "x-request-id"
        && !name.starts_with("x-content-")
        && !name.starts_with("x-frame-");
    if own {
        return Vec::new();
    }
    let message = format!("deployment.release_header = `{name}`, which means something else");
    vec![
        Problem::error("deployment.release_header", message)
            .instead("write a name of your own that begins with `x-`, such as \"x-release\""),
    ]
}
