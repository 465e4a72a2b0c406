//! The target answers on each kind of address that its name has.

use profiles::Host;

use crate::model::check::{Ask, Check, Failure, Needs, Question, Severity, Verdict, judgeable};
use crate::model::exchange::{AddressKind, Answer, Exchange, Means};
use crate::model::missing::Missing;
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "run.target.each-address",
    severity: Severity::Medium,
    needs: Needs::Nothing,
    rule: "The target answers over every kind of address that its name has, IPv4 and IPv6.",
    rationale: "Clients try both, which hides a dead one: the service is slow for some users, and unreachable for \
                those who have only that kind.",
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
    passes: &["HTTP/1.1 200 OK", "HTTP/1.1 503 Service Unavailable\n---\nmissing: no-address"],
    fails: &["HTTP/1.1 200 OK\n---\nmissing: refused", "missing: timeout\n---\nHTTP/1.1 200 OK"],
};

fn judge(exchanges: &[Exchange]) -> Verdict {
    let mut dead = Vec::new();
    let (mut answered, mut here, mut unknown) = (false, None, None);
    for (question, exchange) in exchanges.iter().enumerate() {
        match outcome(exchange) {
            Outcome::Answered => answered = true,
            Outcome::NoAddress => {}
            Outcome::Dead(why) => {
                let observed = format!("GET {}{}: {why}", exchange.request.path, exchange.request.means);
                dead.push(Failure { question, observed });
            }
            Outcome::NotFromHere(why) => here = here.or(Some(why)),
            Outcome::Unknown(why) => unknown = unknown.or(Some(why)),
        }
    }
    if !answered {
        let dead = dead.into_iter().next().map(|failure| failure.observed);
        let why = unknown.or(here).or(dead);
        return Verdict::Inconclusive(why.unwrap_or_else(|| "the name has no address".to_owned()));
    }
    match (dead.is_empty(), unknown, here) {
        (false, ..) => Verdict::Fail(dead),
        (true, Some(why), _) => Verdict::Inconclusive(why),
        // Many machines have one kind only: a run there must not be inconclusive every time.
        (true, None, Some(why)) => Verdict::NotApplicable(format!("not from this machine: {why}")),
        (true, None, None) => Verdict::Pass,
    }
}

enum Outcome {
    Answered,
    NoAddress,
    /// The name has such an address, which does not answer.
    Dead(String),
    /// This machine cannot send to such addresses.
    NotFromHere(String),
    Unknown(String),
}

fn outcome(exchange: &Exchange) -> Outcome {
    let Err(why) = judgeable(exchange) else { return Outcome::Answered };
    let Answer::Missing(missing) = &exchange.answer else { return Outcome::Unknown(why) };
    match missing {
        Missing::NoAddress { .. } => Outcome::NoAddress,
        Missing::Unreachable { .. } => Outcome::NotFromHere(why),
        Missing::Refused { .. }
        | Missing::Timeout { .. }
        | Missing::Tls { .. }
        | Missing::Closed { .. }
        | Missing::Reset { .. }
        | Missing::Malformed { .. }
        | Missing::Failed { .. } => Outcome::Dead(missing.to_string()),
        Missing::Unresolved { .. }
        | Missing::HungUp
        | Missing::Silent
        | Missing::Gateway { .. }
        | Missing::Unhealthy { .. }
        | Missing::Ended { .. }
        | Missing::NotSent(_)
        | Missing::NotRecorded
        | Missing::OtherKind => Outcome::Unknown(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::missing::{Phase, Unreachable};

    const PLACE: &str = "api.example.com";

    fn answered(status_line: &str) -> Answer {
        Answer::Received(format!("HTTP/1.1 {status_line}").parse().expect("an answer as text"))
    }

    fn refused() -> Answer {
        Answer::Missing(Missing::Refused { place: PLACE.to_owned() })
    }

    fn judged(over_ipv4: Answer, over_ipv6: Answer) -> Verdict {
        let answers = [(AddressKind::IPv4, over_ipv4), (AddressKind::IPv6, over_ipv6)];
        let exchanges = answers.map(|(kind, answer)| Exchange {
            request: Probe::get("/health").by(Means::Address(kind)).request,
            answer,
            elapsed_ms: 1,
            received_ms: 0,
        });
        judge(&exchanges)
    }

    #[test]
    fn one_dead_kind_is_named() {
        let why = "could not connect to api.example.com: connection refused; nothing listens on this port";
        assert_eq!(
            judged(answered("200 OK"), refused()),
            Verdict::fail(1, format!("GET /health · over IPv6: {why}"))
        );
        assert!(matches!(judged(refused(), answered("404 Not Found")), Verdict::Fail(_)));
    }

    #[test]
    fn a_name_needs_no_address_of_each_kind() {
        let none = Missing::NoAddress { host: PLACE.to_owned(), kind: AddressKind::IPv6 };
        assert_eq!(judged(answered("200 OK"), Answer::Missing(none)), Verdict::Pass);
    }

    #[test]
    fn a_kind_that_this_network_cannot_reach_is_not_applicable() {
        for why in [Unreachable::Network, Unreachable::Host, Unreachable::Family] {
            let missing = || Answer::Missing(Missing::Unreachable { place: PLACE.to_owned(), why });
            assert!(matches!(judged(answered("200 OK"), missing()), Verdict::NotApplicable(_)), "{why}");
            assert!(matches!(judged(missing(), missing()), Verdict::Inconclusive(_)), "{why}");
        }
        let silent = || {
            let place = PLACE.to_owned();
            Answer::Missing(Missing::Timeout { place, phase: Phase::Head, within_ms: 5_000 })
        };
        assert!(matches!(judged(silent(), silent()), Verdict::Inconclusive(_)), "nothing answered at all");
    }
}
