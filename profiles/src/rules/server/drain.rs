//! The drain ends within the time that the platform grants.

use crate::rule::Facts;
use crate::{Pool, Problem, Rule};

pub(crate) const GRANTED: Rule = Rule {
    id: "server.drain.granted",
    rule: "`limits.lame_duck`, `server.drain_timeout` and 1.2 s to close the pool fit into `platform.drain_granted`.",
    rationale: "A request that still runs when the platform sends SIGKILL is cut in the middle of its answer.",
    references: &["https://docs.railway.com/guides/deployment-teardown"],
    find,
};

fn find(facts: &Facts<'_>) -> Vec<Problem> {
    let profile = facts.profile;
    let (lame_duck, drain) = (profile.lame_duck(), profile.server.drain_timeout);
    let granted = profile.platform.drain_granted;
    let needed = lame_duck.get() + drain.get() + Pool::CLOSES_WITHIN;
    if needed <= granted.get() {
        return Vec::new();
    }
    let (closing, sum) = (Pool::CLOSES_WITHIN, needed);
    let message = format!(
        "limits.lame_duck + server.drain_timeout + {closing:?} for the pool = {lame_duck} + {drain} + {closing:?} = \
         {sum:?}, but platform.drain_granted = {granted}: SIGKILL comes before the drain has ended"
    );
    let seconds = needed.as_millis().div_ceil(1000);
    let advice = format!(
        "lower them; or set RAILWAY_DEPLOYMENT_DRAINING_SECONDS={seconds} (Railway grants 0 s by default) and \
         write drain_granted = \"{seconds}s\""
    );
    // At the one that could be lowered most.
    let setting = if lame_duck.get() > drain.get() { "limits.lame_duck" } else { "server.drain_timeout" };
    vec![Problem::error(setting, message).instead(advice)]
}
