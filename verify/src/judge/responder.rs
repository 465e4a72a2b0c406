//! Who gave an answer: the service, or something in front of it.

use crate::judge::plan::Plan;
use crate::model::evidence::Evidence;
use crate::model::exchange::{Answer, Exchange, Response};
use crate::model::missing::Missing;

/// As far as the release header tells, which the service sends and nothing in front of it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Responder {
    App,
    /// The platform's edge, a proxy, or what reads HTTP before the service does.
    Edge,
}

impl Responder {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Edge => "edge",
        }
    }
}

/// What tells the service's answers from all others, where anything does.
pub struct ReleaseMark<'a> {
    header: &'a str,
    health: &'a str,
}

impl<'a> ReleaseMark<'a> {
    /// Nothing, unless a success and an error both have the header: many services send it from one route only.
    pub fn of(plan: &'a Plan<'_>, evidence: &Evidence) -> Option<Self> {
        let [health, control, ..] = plan.probes.as_slice() else {
            return None;
        };
        let header = plan.subject.profile().deployment.release_header.as_str();
        let marked = [health, control]
            .iter()
            .all(|probe| evidence.find(probe).is_some_and(|exchange| has(exchange, header)));
        marked.then_some(Self { header, health: plan.subject.health() })
    }

    /// Of what was no response, such as a handshake, nothing is known.
    pub fn responder(&self, exchange: &Exchange) -> Option<Responder> {
        exchange.response().ok()?;
        Some(if has(exchange, self.header) { Responder::App } else { Responder::Edge })
    }

    /// Why the answer says nothing about the service, if so: a gateway could not, or would not, ask it.
    ///
    /// Only requests as clients send them: over other ways the gateway is what is judged. And only these statuses:
    /// a login before the service is what some checks look for.
    pub fn gateways(&self, exchange: &Exchange) -> Option<Missing> {
        let status = exchange.response().ok()?.status;
        let client = exchange.request.means.is_client();
        let edge = self.responder(exchange) == Some(Responder::Edge);
        (client && edge && (502..=504).contains(&status)).then(|| {
            let (header, health) = (self.header.to_owned(), self.health.to_owned());
            Missing::Gateway { status, header, health }
        })
    }

    /// The exchange as checks may read it: without an answer where a gateway gave it.
    pub fn judgeable(&self, exchange: &Exchange) -> Exchange {
        let exchange = exchange.clone();
        match self.gateways(&exchange) {
            Some(why) => Exchange { answer: Answer::Missing(why), ..exchange },
            None => exchange,
        }
    }
}

fn has(exchange: &Exchange, header: &str) -> bool {
    exchange.response().is_ok_and(|response: &Response| response.header(header).is_some())
}
