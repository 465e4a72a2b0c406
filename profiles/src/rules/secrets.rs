//! Secrets stay in the environment.

use crate::rule::Facts;
use crate::{Place, Problem, Rule, credentials};

pub(crate) const ELSEWHERE: Rule = Rule {
    id: "secrets.elsewhere",
    rule: "A profile contains no secret, neither in a value nor in a comment.",
    rationale: "A profile is committed, embedded in the binary and printed in reports.",
    references: &["https://cwe.mitre.org/data/definitions/798.html", "https://12factor.net/config"],
    find: written,
};

pub(crate) const DATABASE_URL: Rule = Rule {
    id: "secrets.database-url",
    rule: "Production requires the variable that `database.url_variable` names.",
    rationale: "Otherwise the service starts without it, and fails at its first query instead of at the deploy.",
    references: &["https://12factor.net/backing-services"],
    find: unlisted,
};

fn written(facts: &Facts<'_>) -> Vec<Problem> {
    credentials::find(facts.text)
        .into_iter()
        .map(|found| {
            Problem::at(Place::Bytes(found.span), format!("the profile contains {}", found.what))
                .instead(
                    "put it into the environment, name its variable in secrets.required, and revoke it where it was \
                     issued: the repository's history keeps it",
                )
        })
        .collect()
}

fn unlisted(facts: &Facts<'_>) -> Vec<Problem> {
    let variable = &facts.profile.database.url_variable;
    if !facts.production() || facts.profile.secrets.required.contains(variable) {
        return Vec::new();
    }
    let message = format!("`{variable}` holds the database's URL, but the service may start without it");
    vec![Problem::error("secrets.required", message).instead(format!("add \"{variable}\" to the list"))]
}
