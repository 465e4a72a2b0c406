//! All that is decided of a request before anything is done for it: pure, and without a socket.

pub(crate) mod cors;
mod cross_site;
pub(crate) mod headers;
pub(crate) mod limits;
pub(crate) mod rate;

use bytes::Bytes;
use http::header::ALLOW;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use profiles::{Profile, Server};

use cors::{Cors, Decision};
use headers::Stamp;

use crate::observe::route_label::RouteLabel;
use crate::request::framing::Flaw;
use crate::request::head::{Fields, Head};
use crate::response::refusal::Refusal;
use crate::response::reply::Reply;
use crate::routes::context::PathParameters;
use crate::routes::route::{Handler, Route};
use crate::routes::router::{Conflict, Found, Router};

/// The profile's rules for heads, its policy for origins, the routes, and what every answer carries.
pub struct Policy {
    cors: Cors,
    pub(crate) router: Router,
    pub(crate) stamp: Stamp,
}

pub(crate) enum Action {
    Reply(Reply),
    Run(Handler, RouteLabel, PathParameters),
}

impl Policy {
    pub fn new(
        profile: &Profile,
        routes: &[&'static Route],
        release: Option<&HeaderValue>,
    ) -> Result<Self, Conflict> {
        let cors = Cors::new(&profile.cors);
        let stamp = Stamp::new(profile, release, &cors);
        Ok(Self { stamp, router: Router::new(routes, profile)?, cors })
    }

    /// What CORS says, and what is to be done.
    pub(crate) fn evaluate(
        &self,
        head: &Head,
        fields: &Fields<'_>,
        flaw: Option<Flaw>,
        limits: &Server,
    ) -> (Decision, Result<Action, Refusal>) {
        let decision = self.cors.decide(head, fields);
        let action = self.action(head, fields, flaw, limits, &decision);
        (decision, action)
    }

    fn action(
        &self,
        head: &Head,
        fields: &Fields<'_>,
        flaw: Option<Flaw>,
        limits: &Server,
        decision: &Decision,
    ) -> Result<Action, Refusal> {
        head.check(fields, limits)?;
        if let Some(flaw) = flaw {
            return Err(flaw.into());
        }
        match decision {
            // Answered before routing: a preflight asks about the policy, not about the resource.
            Decision::Refused => return Err(Refusal::preflight()),
            Decision::Preflight(_) => return Ok(Action::Reply(Reply::empty(StatusCode::NO_CONTENT))),
            Decision::Actual { .. } => {}
        }
        Ok(match self.router.find(head.method(), head.path())? {
            Found::Options(allow) => Action::Reply(Reply::empty(StatusCode::NO_CONTENT).with(ALLOW, allow)),
            Found::Handler(handler, route, parameters) => {
                // Not earlier: what does not exist is 404 or 405 for every page alike.
                cross_site::check(head, decision.grants())?;
                Action::Run(handler, route, parameters)
            }
        })
    }

    /// The whole way of a request whose handler does nothing, for benchmarks.
    pub fn rehearse(&self, request: Request<()>, limits: &Server, id: HeaderValue) -> Response<Full<Bytes>> {
        let (head, ()) = Head::split(request);
        let (decision, action) = self.evaluate(&head, &head.fields(), None, limits);
        let reply = match action {
            Ok(Action::Run(..)) => Reply::ready_json(StatusCode::OK, "{}"),
            Ok(Action::Reply(reply)) => reply,
            Err(refusal) => refusal.into_reply(&id),
        };
        self.stamp.apply(reply, head.method(), decision, id)
    }

    /// What CORS alone writes onto an answer, for tests and benchmarks.
    pub fn cors(&self, head: &Head, headers: &mut HeaderMap) {
        self.cors.stamp(self.cors.decide(head, &head.fields()), headers);
    }
}
