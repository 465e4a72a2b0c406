//! How long browsers must remember to use TLS.

use std::time::Duration;

use crate::rule::Facts;
use crate::{Problem, Rule};

pub(crate) const HSTS: Rule = Rule {
    id: "edge.hsts.lasting",
    rule: "Production's `edge.hsts` is at least 365d or left out.",
    rationale: "A browser forgets a shorter promise between two visits; preload lists and ASVS 3.4.1 require a year.",
    references: &["https://www.rfc-editor.org/rfc/rfc6797#section-6.1.1", "https://hstspreload.org/"],
    find,
};

const YEAR: Duration = Duration::from_hours(365 * 24);

fn find(facts: &Facts<'_>) -> Vec<Problem> {
    match facts.profile.edge.hsts {
        Some(hsts) if facts.production() && hsts.get() < YEAR => {
            let message = format!("edge.hsts = {hsts} is less than a year");
            vec![Problem::error("edge.hsts", message).instead("write \"365d\", or leave it out")]
        }
        _ => Vec::new(),
    }
}
