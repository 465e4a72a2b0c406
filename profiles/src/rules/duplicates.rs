//! Lists that state an element twice.

use std::fmt::Display;

use serde_json::Value as Json;

use crate::reader::grammar::PROFILE;
use crate::reader::source::{child, element};
use crate::rule::Facts;
use crate::{Problem, Rule};

pub(crate) const NONE: Rule = Rule {
    id: "lists.distinct",
    rule: "No list states an element twice.",
    rationale: "A person who removes one of the two believes that the element is gone, but the other still allows it.",
    references: &[],
    find,
};

fn find(facts: &Facts<'_>) -> Vec<Problem> {
    let profile = serde_json::to_value(facts.profile).expect("a profile is data: its keys are texts");
    let mut problems = Vec::new();
    for (table, settings) in PROFILE.settings() {
        for (name, _) in settings.settings().iter().filter(|(_, setting)| setting.is_distinct()) {
            let items: Vec<&str> =
                profile[table][name].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
            problems.extend(repeated(&child(table, name), &items));
        }
    }
    let waived: Vec<_> = facts.profile.waivers.iter().map(|waiver| &waiver.check).collect();
    problems.extend(repeated("waivers", &waived));
    problems
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
