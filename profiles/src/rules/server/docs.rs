//! Whether production shows the API's documentation.

use crate::rule::Facts;
use crate::{Docs, Problem, Rule};

pub(crate) const HIDDEN: Rule = Rule {
    id: "server.docs.hidden",
    rule: "Production hides `/docs` and `/openapi.json`.",
    rationale: "They list every route and field for an attacker.",
    references: &["https://owasp.org/API-Security/editions/2023/en/0xa9-improper-inventory-management/"],
    find,
};

fn find(facts: &Facts<'_>) -> Vec<Problem> {
    if !facts.production() || facts.profile.server.docs == Docs::Hidden {
        return Vec::new();
    }
    vec![
        Problem::error("server.docs", "production shows the API's documentation to everyone")
            .instead("write \"hidden\""),
    ]
}
