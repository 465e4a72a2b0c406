//! What browsers are told to remember about TLS.

use std::time::Duration;

use crate::rule::Facts;
use crate::{Problem, Rule};

pub(crate) const HSTS: Rule = Rule {
    id: "edge.hsts.lasting",
    rule: "Production's `edge.hsts`, where it is stated, is at least 365d.",
    rationale: "A shorter promise is forgotten between two visits, and preload lists and ASVS 3.4.1 ask for a year.",
    references: &["https://www.rfc-editor.org/rfc/rfc6797#section-6.1.1", "https://hstspreload.org/"],
    find,
};

const YEAR: Duration = Duration::from_hours(365 * 24);

fn find(facts: &Facts<'_>) -> Vec<Problem> {
    match facts.profile.edge.hsts {
        Some(hsts) if facts.production() && hsts.get() < YEAR => {
            let message = format!("edge.hsts = {hsts} ends within a year");
            vec![Problem::error("edge.hsts", message).instead("write \"365d\", or leave it out")]
        }
        _ => Vec::new(),
    }
}
