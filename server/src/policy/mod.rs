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

use crate::request::framing::Flaw;
use crate::request::head::{Fields, Head};
use crate::response::refusal::Refusal;
use crate::response::reply::Reply;
use crate::routes::router::{Conflict, Found, Named, Parameters, Router};
use crate::routes::{Handler, Route};

/// The profile's rules for heads, its policy for origins, the routes, and what every answer carries.
pub struct Decisions {
    cors: Cors,
    pub(crate) router: Router,
    pub(crate) stamp: Stamp,
}

pub(crate) enum Step {
    Reply(Reply),
    Run(Handler, Named, Parameters),
}

impl Decisions {
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
    pub(crate) fn of(
        &self,
        head: &Head,
        fields: &Fields<'_>,
        flaw: Option<Flaw>,
        limits: &Server,
    ) -> (Decision, Result<Step, Refusal>) {
        let decision = self.cors.decide(head, fields);
        let step = self.step(head, fields, flaw, limits, &decision);
        (decision, step)
    }

    fn step(
        &self,
        head: &Head,
        fields: &Fields<'_>,
        flaw: Option<Flaw>,
        limits: &Server,
        decision: &Decision,
    ) -> Result<Step, Refusal> {
        head.check(fields, limits)?;
        if let Some(flaw) = flaw {
            return Err(Refusal::framing(flaw));
        }
        match decision {
            // Answered before routing: a preflight asks about the policy, not about the resource.
            Decision::Refused => return Err(Refusal::preflight()),
            Decision::Preflight(_) => return Ok(Step::Reply(Reply::empty(StatusCode::NO_CONTENT))),
            Decision::Actual { .. } => {}
        }
        Ok(match self.router.find(head.method(), head.path())? {
            Found::Options(allow) => Step::Reply(Reply::empty(StatusCode::NO_CONTENT).with(ALLOW, allow)),
            Found::Handler(handler, route, parameters) => {
                // Not earlier: what does not exist is 404 or 405 for every page alike.
                cross_site::check(head, decision.grants())?;
                Step::Run(handler, route, parameters)
            }
        })
    }

    /// The whole way of a request whose handler does nothing, for benchmarks.
    pub fn rehearse(&self, request: Request<()>, limits: &Server, id: HeaderValue) -> Response<Full<Bytes>> {
        let (head, ()) = Head::split(request);
        let (decision, step) = self.of(&head, &head.fields(), None, limits);
        let reply = match step {
            Ok(Step::Run(..)) => Reply::ready_json(StatusCode::OK, "{}"),
            Ok(Step::Reply(reply)) => reply,
            Err(refusal) => refusal.into_reply(&id),
        };
        self.stamp.apply(reply, head.method(), decision, id)
    }

    /// What CORS alone writes onto an answer, for tests and benchmarks.
    pub fn cors(&self, head: &Head, headers: &mut HeaderMap) {
        self.cors.stamp(self.cors.decide(head, &head.fields()), headers);
    }
}
