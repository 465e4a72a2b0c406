//! The family that every verification needs.

use crate::rule::Facts;
use crate::{Family, Problem, Rule};

pub(crate) const RUN: Rule = Rule {
    id: "verify.families.run",
    rule: "`verify.families` contains \"run\".",
    rationale: "Its checks ask whether the target answers; without them a silent target breaks no promise.",
    references: &[],
    find,
};

fn find(facts: &Facts<'_>) -> Vec<Problem> {
    if facts.profile.verify.families.contains(&Family::Run) {
        return Vec::new();
    }
    vec![
        Problem::error("verify.families", "without `run` a target that never answers breaks no promise")
            .instead("add \"run\" to the list"),
    ]
}
