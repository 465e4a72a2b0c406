//! Waivers end, and name checks that exist.
//!
//! Both are warnings: an outdated waiver must not keep a server from starting.

use crate::reader::grammar::{Grammar, PROFILE};
use crate::reader::source::{child, element};
use crate::rule::Facts;
use crate::{Problem, Rule};

pub(crate) const EXPIRED: Rule = Rule {
    id: "waivers.expired",
    rule: "No waiver has expired (a warning).",
    rationale: "Its check counts again, so the deployment may fail verification although the profile did not change.",
    references: &[],
    find: expired,
};

pub(crate) const KNOWN: Rule = Rule {
    id: "waivers.known",
    rule: "Every waiver names a check of a known family (a warning).",
    rationale: "A misspelt waiver has no effect.",
    references: &[],
    find: unknown,
};

fn expired(facts: &Facts<'_>) -> Vec<Problem> {
    let waivers = facts.profile.waivers.iter().enumerate();
    waivers
        .filter(|(_, waiver)| waiver.expires < facts.today)
        .map(|(index, waiver)| {
            let message = format!("the waiver of `{}` expired on {}", waiver.check, waiver.expires);
            Problem::error(child(&element("waivers", index), "expires"), message)
                .instead("remove the waiver and keep the promise, or decide again and write a later date")
                .warning()
        })
        .collect()
}

fn unknown(facts: &Facts<'_>) -> Vec<Problem> {
    let families = families();
    let waivers = facts.profile.waivers.iter().enumerate();
    waivers
        .filter(|(_, waiver)| !families.contains(&waiver.check.family()))
        .map(|(index, waiver)| {
            let message =
                format!("`{}` is in no family of checks, so the waiver has no effect", waiver.check);
            Problem::error(child(&element("waivers", index), "check"), message)
                .instead(format!("write the id of a check in one of: {}", families.join(", ")))
                .warning()
        })
        .collect()
}

/// The families that a profile can name.
fn families() -> Vec<&'static str> {
    let list = PROFILE.setting("verify").and_then(|(_, verify)| verify.setting("families"));
    let Some(Grammar::List { items, .. }) = list.map(|(_, list)| &list.grammar) else { return Vec::new() };
    let Grammar::Choice(choices) = &items.grammar else { return Vec::new() };
    choices.iter().map(|choice| choice.word).collect()
}
