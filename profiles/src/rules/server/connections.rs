//! The pools of all instances, and the connections that the database accepts.

use crate::rule::Facts;
use crate::{Problem, Rule};

pub(crate) const FIT: Rule = Rule {
    id: "pool.connections.fit",
    rule: "(`pool.size` + `pool.overflow` + 1) × `platform.replicas` × 2 fits into \
           `platform.database_connections` − `platform.database_reserved`.",
    rationale: "During a deploy old and new instances hold their pools together, each with one more connection for \
                its health check. The database refuses excess connections.",
    references: &[
        "https://neon.com/docs/connect/connection-pooling",
        "https://www.postgresql.org/docs/current/runtime-config-connection.html",
    ],
    find,
};

/// Old and new instances, side by side.
const DEPLOY: u32 = 2;

fn find(facts: &Facts<'_>) -> Vec<Problem> {
    let (pool, platform) = (&facts.profile.pool, &facts.profile.platform);
    // No overflow: the ranges of the settings keep the product below 41 million.
    let instances = platform.replicas * DEPLOY;
    let needed = pool.seen() * instances;
    let usable = platform.database_connections.saturating_sub(platform.database_reserved);
    if needed <= usable {
        return Vec::new();
    }
    let message = format!(
        "(pool.size + pool.overflow + 1 for /health) × {} × {DEPLOY} for a deploy = {needed}, but the database \
         accepts {} − {} \
         reserved = {usable}",
        match platform.replicas {
            1 => "1 replica".to_owned(),
            many => format!("{many} replicas"),
        },
        platform.database_connections,
        platform.database_reserved,
    );
    let advice = match (usable / instances).saturating_sub(1) {
        0 => "run fewer replicas, or declare a larger compute".to_owned(),
        most => format!("lower size + overflow to {most} or less, or declare a larger compute"),
    };
    vec![Problem::error("pool.size", message).instead(advice)]
}
