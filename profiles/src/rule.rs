//! What a rule is, and what it may look at.

use jiff::civil::Date;

use crate::{Environment, Problem, Profile};

/// A rule describes itself, beside the function that applies it.
pub struct Rule {
    /// Dotted, such as `cors.origin.insecure`.
    pub id: &'static str,
    /// The rule in one sentence.
    pub rule: &'static str,
    /// Why it matters.
    pub rationale: &'static str,
    /// The sources of the rule; none if it is about the profile's format.
    pub references: &'static [&'static str],
    pub find: fn(&Facts<'_>) -> Vec<Problem>,
}

/// What a rule may look at.
pub struct Facts<'a> {
    pub profile: &'a Profile,
    /// The text of the profile, comments included.
    pub text: &'a str,
    pub today: Date,
}

impl Facts<'_> {
    pub(crate) fn production(&self) -> bool {
        self.profile.environment == Environment::Production
    }
}
