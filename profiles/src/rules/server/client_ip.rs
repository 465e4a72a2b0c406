//! Which proxies may state a client's address.

use crate::rule::Facts;
use crate::{Network, Problem, Rule};

pub(crate) const TRUSTED: Rule = Rule {
    id: "client-ip.trusted.narrow",
    rule: "`client_ip.trusted` names blocks of addresses, each of at least 8 leading bits (IPv4) or 7 (IPv6).",
    rationale: "A peer in these blocks states the client's address. If everyone is in them, an attacker can invent a \
                client for each request, and no rate limit holds.",
    references: &[
        "https://cwe.mitre.org/data/definitions/348.html",
        "https://www.rfc-editor.org/rfc/rfc6598",
    ],
    find: trusted,
};

pub(crate) const LIMITED: Rule = Rule {
    id: "load.rate-limit.clients",
    rule: "Production with `load.rate_limit` has `[client_ip]`, which tells clients apart.",
    rationale: "Behind a platform's edge every connection comes from the edge: without its header all users share \
                the limit of one client.",
    references: &["https://docs.railway.com/networking/public-networking/specs-and-limits"],
    find: limited,
};

fn trusted(facts: &Facts<'_>) -> Vec<Problem> {
    let Some(client_ip) = &facts.profile.client_ip else {
        return Vec::new();
    };
    if client_ip.trusted.is_empty() {
        let message = "client_ip.trusted is empty, so no proxy's header is read";
        return vec![
            Problem::error("client_ip.trusted", message)
                .instead("write the proxy's addresses, such as [\"100.64.0.0/10\"], or remove `[client_ip]`"),
        ];
    }
    client_ip
        .trusted
        .iter()
        .enumerate()
        .filter(|(_, network)| is_wide(network))
        .map(|(at, network)| {
            Problem::error(
                format!("client_ip.trusted[{at}]"),
                format!(
                    "client_ip.trusted contains {network}, which is too wide: strangers can connect from it"
                ),
            )
            .instead("write the proxy's own addresses, such as \"100.64.0.0/10\" of Railway's edge")
        })
        .collect()
}

/// `fc00::/7` holds all private IPv6 addresses, `10.0.0.0/8` is the largest private block of IPv4.
fn is_wide(network: &Network) -> bool {
    network.prefix() < if network.is_ipv4() { 8 } else { 7 }
}

fn limited(facts: &Facts<'_>) -> Vec<Problem> {
    let profile = facts.profile;
    match profile.load.rate_limit {
        Some(limit) if facts.production() && profile.client_ip.is_none() => {
            let message = format!("load.rate_limit = {limit}, but no `[client_ip]` tells clients apart");
            let advice = "write `[client_ip]` with the header of the proxy in front, or remove rate_limit";
            vec![Problem::error("load.rate_limit", message).instead(advice)]
        }
        _ => Vec::new(),
    }
}
