//! Lists that say something twice.

use std::fmt::Display;

use crate::reader::schema::word;
use crate::reader::source::element;
use crate::rules::rule::Facts;
use crate::{Problem, Rule};

pub(crate) const NONE: Rule = Rule {
    id: "lists.distinct",
    rule: "No list says anything twice.",
    rationale: "Whoever removes one entry believes that it is gone, and the other still allows it.",
    references: &[],
    find,
};

fn find(facts: &Facts<'_>) -> Vec<Problem> {
    let profile = facts.profile;
    let families: Vec<String> = profile.verify.families.iter().map(word).collect();
    let waived: Vec<_> = profile.waivers.iter().map(|waiver| &waiver.check).collect();
    [
        repeated("cors.origins", &profile.cors.origins),
        repeated("cors.methods", &profile.cors.methods),
        repeated("cors.request_headers", &profile.cors.request_headers),
        repeated("cors.exposed_headers", &profile.cors.exposed_headers),
        repeated("secrets.required", &profile.secrets.required),
        repeated("verify.families", &families),
        repeated("verify.docs", &profile.verify.docs),
        repeated("drill.reads", &profile.drill.reads),
        repeated("drill.writes", &profile.drill.writes),
        repeated("waivers", &waived),
    ]
    .concat()
}

fn repeated<T: Display + PartialEq>(setting: &str, items: &[T]) -> Vec<Problem> {
    let twice = |(index, item): &(usize, &T)| items[..*index].contains(item);
    items
        .iter()
        .enumerate()
        .filter(twice)
        .map(|(index, item)| {
            Problem::error(element(setting, index), format!("`{item}` is in {setting} twice"))
                .instead("remove one")
        })
        .collect()
}
