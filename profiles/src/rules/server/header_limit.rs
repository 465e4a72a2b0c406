//! The smallest head that the read buffer allows.

use crate::rule::Facts;
use crate::{Problem, Rule};

pub(crate) const READABLE: Rule = Rule {
    id: "server.header-limit.readable",
    rule: "`server.header_limit` is at least 8 KiB.",
    rationale: "hyper's read buffer has at least 8192 bytes: a server with a smaller limit does not start.",
    references: &["https://docs.rs/hyper/1/hyper/server/conn/http1/struct.Builder.html#method.max_buf_size"],
    find,
};

const LEAST: u64 = 8 << 10;

fn find(facts: &Facts<'_>) -> Vec<Problem> {
    let limit = facts.profile.server.header_limit;
    if limit.get() >= LEAST {
        return Vec::new();
    }
    let message = format!("server.header_limit = {limit}, but the read buffer holds at least 8KiB");
    vec![Problem::error("server.header_limit", message).instead("write \"8KiB\" or more")]
}
