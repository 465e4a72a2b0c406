//! The responder of an answer: the service, or a proxy in front of it.

use crate::judge::plan::Plan;
use crate::model::evidence::Evidence;
use crate::model::exchange::{Answer, Exchange, Response};
use crate::model::missing::Missing;

/// Determined by the release header, which only the service sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Responder {
    App,
    /// The platform's edge, a proxy, or an HTTP parser in front of the service.
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

/// The header that marks the service's own answers, if there is one.
pub struct ReleaseMark<'a> {
    header: &'a str,
    health: &'a str,
}

impl<'a> ReleaseMark<'a> {
    /// None, unless a success and an error both have the header: many services send it from one route only.
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

    /// Unknown for anything but a response, such as a handshake.
    pub fn responder(&self, exchange: &Exchange) -> Option<Responder> {
        exchange.response().ok()?;
        Some(if has(exchange, self.header) { Responder::App } else { Responder::Edge })
    }

    /// The reason, if a gateway answered because it could not reach the service or refused to.
    ///
    /// Only for requests as clients send them: with other means the gateway itself is judged. And only for these
    /// statuses: some checks look for a login in front of the service.
    pub fn gateways(&self, exchange: &Exchange) -> Option<Missing> {
        let status = exchange.response().ok()?.status;
        let client = exchange.request.means.is_client();
        let edge = self.responder(exchange) == Some(Responder::Edge);
        (client && edge && (502..=504).contains(&status)).then(|| {
            let (header, health) = (self.header.to_owned(), self.health.to_owned());
            Missing::Gateway { status, header, health }
        })
    }

    /// The exchange for checks: without the answer if a gateway gave it.
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
