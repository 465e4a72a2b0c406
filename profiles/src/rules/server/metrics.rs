//! Only the private network reads the metrics.

use std::net::IpAddr;

use crate::rule::Facts;
use crate::{Problem, Rule};

pub(crate) const PRIVATE: Rule = Rule {
    id: "metrics.private",
    rule: "Production binds `metrics.address` to a private or loopback address.",
    rationale: "Metrics tell an attacker which route is slow, how full the pool is, and whether a flood works.",
    references: &[
        "https://prometheus.io/docs/operating/security/",
        "https://www.rfc-editor.org/rfc/rfc1918",
        "https://www.rfc-editor.org/rfc/rfc4193",
    ],
    find: private,
};

pub(crate) const PORT: Rule = Rule {
    id: "metrics.port.own",
    rule: "`metrics.port` is not `server.port`.",
    rationale: "Two listeners cannot share a port, and the service's port is public.",
    references: &[],
    find: port,
};

fn private(facts: &Facts<'_>) -> Vec<Problem> {
    match &facts.profile.metrics {
        Some(metrics) if facts.production() && !is_private(metrics.address) => {
            let message = format!("metrics.address = {} can be reached from outside", metrics.address);
            let advice = "write \"127.0.0.1\" or a private address, or remove `[metrics]`";
            vec![Problem::error("metrics.address", message).instead(advice)]
        }
        _ => Vec::new(),
    }
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}

fn port(facts: &Facts<'_>) -> Vec<Problem> {
    let profile = facts.profile;
    match &profile.metrics {
        Some(metrics) if metrics.port == profile.server.port => {
            let message = format!("metrics.port and server.port are both {}", metrics.port);
            vec![Problem::error("metrics.port", message).instead("write another, such as 9090")]
        }
        _ => Vec::new(),
    }
}
