//! How long browsers cache a preflight.

use std::time::Duration;

use crate::rule::Facts;
use crate::{Problem, Rule};

pub(crate) const HONOURED: Rule = Rule {
    id: "cors.max-age.honoured",
    rule: "`cors.max_age` is from 1s to 24h.",
    rationale: "No browser caches longer (Firefox 24 h, Chromium 2 h, Safari 10 min): a longer promise is false.",
    references: &[
        "https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Access-Control-Max-Age",
    ],
    find,
};

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_hours(24);

fn find(facts: &Facts<'_>) -> Vec<Problem> {
    let max_age = facts.profile.cors.max_age;
    if max_age.get() < SHORTEST {
        let message = format!("cors.max_age = {max_age}, but Access-Control-Max-Age counts whole seconds");
        return vec![Problem::error("cors.max_age", message).instead("write \"1s\" or more")];
    }
    if max_age.get() <= LONGEST {
        return Vec::new();
    }
    let message = format!("cors.max_age = {max_age}, but no browser caches a preflight longer than 24h");
    vec![Problem::error("cors.max_age", message).instead("write \"24h\" or less; Chromium caps it at 2h")]
}
