//! The drain ends within the time that the platform grants.

use crate::rule::Facts;
use crate::{Problem, Rule};

pub(crate) const GRANTED: Rule = Rule {
    id: "server.drain.granted",
    rule: "`server.drain_timeout` is no longer than `platform.drain_granted`.",
    rationale: "A request that still runs when the platform sends SIGKILL is cut in the middle of its answer.",
    references: &["https://docs.railway.com/guides/deployment-teardown"],
    find,
};

fn find(facts: &Facts<'_>) -> Vec<Problem> {
    let (needed, granted) = (facts.profile.server.drain_timeout, facts.profile.platform.drain_granted);
    if needed <= granted {
        return Vec::new();
    }
    let message = format!(
        "server.drain_timeout = {needed}, but platform.drain_granted = {granted}: SIGKILL comes before the drain has ended"
    );
    let seconds = needed.millis().div_ceil(1000);
    let advice = format!(
        "lower it; or set RAILWAY_DEPLOYMENT_DRAINING_SECONDS={seconds} (Railway grants 0 s by default) and \
         write drain_granted = \"{seconds}s\""
    );
    vec![Problem::error("server.drain_timeout", message).instead(advice)]
}
