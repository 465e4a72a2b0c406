//! The target answers on each kind of address that its name has.

use profiles::Host;

use crate::model::check::{Ask, Check, Failure, Needs, Question, Severity, Verdict, judgeable};
use crate::model::exchange::{AddressKind, Answer, Exchange, Means, NO_ADDRESS};
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "run.target.each-address",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "The target answers over IPv4 and over IPv6, as far as its name has such addresses.",
    rationale: "Clients try both and hide that one is dead: the service is slow for some users, and away for those who have only \
                the other kind.",
    remedy: "Remove the DNS record (A or AAAA) that leads nowhere, or listen there: bind `::`, not `0.0.0.0`. FastAPI: \
             `uvicorn --host ::`. Express: `app.listen(port)` without a host. Here: `server.address = \"::\"`.",
    references: &[
        "https://www.rfc-editor.org/rfc/rfc8305#section-5",
        "https://www.rfc-editor.org/rfc/rfc3596#section-2",
    ],
    requirements: &["FR-001", "FR-007"],
    ask: |subject| {
        let host = subject.target.host();
        if !matches!(host, Host::Name(_)) || host.is_loopback() {
            return Ask::skip(format!("{host} is one address, not a public name"));
        }
        let kinds = [AddressKind::IPv4, AddressKind::IPv6];
        let probes = kinds.map(|kind| Probe::get(subject.health()).by(Means::Address(kind)));
        Ask::Questions(probes.map(|probe| Question::new(probe, "deployment.url")).into())
    },
    judge: |_, exchanges| judge(exchanges),
    passes: &[
        "HTTP/1.1 200 OK",
        "HTTP/1.1 503 Service Unavailable\n---\nmissing: the name has no IPv6 address",
    ],
    fails: &[
        "HTTP/1.1 200 OK\n---\nmissing: could not connect to api.example.com: connection refused",
        "missing: no response from api.example.com within 5s\n---\nHTTP/1.1 200 OK",
    ],
};

fn judge(exchanges: &[Exchange]) -> Verdict {
    let mut dead = Vec::new();
    let (mut answered, mut unknown) = (false, None);
    for (question, exchange) in exchanges.iter().enumerate() {
        match outcome(exchange) {
            Outcome::Answered => answered = true,
            Outcome::NoAddress => {}
            Outcome::Dead(why) => {
                let observed = format!("GET {}{}: {why}", exchange.request.path, exchange.request.means);
                dead.push(Failure { question, observed });
            }
            Outcome::Unknown(why) => unknown = unknown.or(Some(why)),
        }
    }
    match (answered, dead.is_empty(), unknown) {
        (true, false, _) => Verdict::Fail(dead),
        (true, true, None) => Verdict::Pass,
        // Many machines have one kind only, and a run from there must not stay inconclusive for ever.
        (true, true, Some(why)) if is_ours(&why) => {
            Verdict::NotApplicable(format!("not from this machine: {why}"))
        }
        (_, _, Some(why)) => Verdict::Inconclusive(why),
        (false, ..) => {
            let why = dead.into_iter().next().map(|failure| failure.observed);
            Verdict::Inconclusive(why.unwrap_or_else(|| "the name has no address".to_owned()))
        }
    }
}

enum Outcome {
    Answered,
    NoAddress,
    /// There is an address, and nobody answers there.
    Dead(String),
    Unknown(String),
}

fn outcome(exchange: &Exchange) -> Outcome {
    match (&exchange.answer, judgeable(exchange)) {
        (_, Ok(_)) => Outcome::Answered,
        (Answer::Missing(why), _) if why.starts_with(NO_ADDRESS) => Outcome::NoAddress,
        (Answer::Missing(why), _) if !is_ours(why) && !UNSENT.iter().any(|sign| why.contains(sign)) => {
            Outcome::Dead(why.clone())
        }
        (_, Err(why)) => Outcome::Unknown(why),
    }
}

/// How our own machine says that it cannot send to such addresses.
const OURS: &[&str] = &[
    "network is unreachable",
    "no route to host",
    "address family not supported",
    "cannot assign requested address",
];

/// How it says that nothing was sent at all.
const UNSENT: &[&str] = &["could not resolve", "not sent", "not in the evidence"];

fn is_ours(why: &str) -> bool {
    let why = why.to_lowercase();
    OURS.iter().any(|sign| why.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(over_ipv4: &str, over_ipv6: &str) -> Verdict {
        let answers = [(AddressKind::IPv4, over_ipv4), (AddressKind::IPv6, over_ipv6)];
        let exchanges = answers.map(|(kind, answer)| Exchange {
            request: Probe::get("/health").by(Means::Address(kind)).request,
            answer: match answer.strip_prefix("HTTP") {
                Some(_) => Answer::Received(answer.parse().unwrap()),
                None => Answer::Missing(answer.to_owned()),
            },
            elapsed_ms: 1,
            received_ms: 0,
        });
        judge(&exchanges)
    }

    #[test]
    fn one_dead_kind_is_told_by_its_name() {
        let refused = "could not connect to api.example.com: connection refused (os error 111)";
        assert_eq!(
            judged("HTTP/1.1 200 OK", refused),
            Verdict::fail(1, format!("GET /health · over IPv6: {refused}"))
        );
        assert!(matches!(judged(refused, "HTTP/1.1 404 Not Found"), Verdict::Fail(_)));
    }

    #[test]
    fn a_kind_that_the_name_has_not_is_not_missed() {
        assert_eq!(judged("HTTP/1.1 200 OK", "the name has no IPv6 address"), Verdict::Pass);
    }

    #[test]
    fn what_our_own_network_cannot_reach_is_not_asked_of_the_target() {
        for ours in
            ["network is unreachable (os error 101)", "no route to host", "address family not supported"]
        {
            let missing = format!("could not connect to api.example.com: {ours}");
            assert!(matches!(judged("HTTP/1.1 200 OK", &missing), Verdict::NotApplicable(_)), "{ours}");
            assert!(matches!(judged(&missing, &missing), Verdict::Inconclusive(_)), "{ours}");
        }
        let silent = "no response from api.example.com within 5s";
        assert!(matches!(judged(silent, silent), Verdict::Inconclusive(_)), "nothing answered at all");
    }
}
