//! What goes wrong in a crowd.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::support::problem;
use crate::{Defect, in_crowd, in_health};

pub(crate) const DEFECTS: &[Defect] = &[
    Defect {
        name: "refuses part of a burst",
        caught_by: &["load.burst"],
        distort: |seen, reply| {
            static ASKED: AtomicU32 = AtomicU32::new(0);
            if in_crowd(seen) && ASKED.fetch_add(1, Ordering::Relaxed).is_multiple_of(4) {
                in_health(seen, reply, |reply| reply.status = 503);
            }
        },
    },
    Defect {
        name: "delays a burst",
        caught_by: &["load.burst"],
        distort: |seen, reply| {
            if in_crowd(seen) {
                in_health(seen, reply, |reply| reply.delay = Duration::from_millis(3_500));
            }
        },
    },
    Defect {
        name: "counts preflights",
        caught_by: &["cors.preflight.not-rate-limited"],
        distort: |seen, reply| {
            if in_crowd(seen) && seen.is_preflight() {
                *reply = problem(429, "Too Many Requests");
            }
        },
    },
];
