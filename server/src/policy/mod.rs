//! Every decision about a request before it is handled: pure, and without a socket.

pub(crate) mod cors;
mod cross_site;
pub(crate) mod headers;
pub(crate) mod limits;
pub(crate) mod rate;

use bytes::Bytes;
use http::header::ALLOW;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use profiles::{Profile, Server};

use cors::{Cors, Decision};
use headers::{AnswerHeaders, with_body_for};

use crate::observe::route_label::{RouteKind, RouteLabel};
use crate::request::framing::FramingError;
use crate::request::head::{Fields, Head};
use crate::response::refusal::Refusal;
use crate::response::reply::Reply;
use crate::routes::context::PathParameters;
use crate::routes::route::{Handler, Route};
use crate::routes::router::{Conflict, Found, Match, Router, find};

/// The profile's policy: origins, routes, and the headers of every answer.
pub struct Policy {
    cors: Cors,
    router: Router,
    headers: AnswerHeaders,
}

/// The decisions about one request.
pub(crate) struct Evaluation {
    pub(crate) cors: Decision,
    /// The route of the path, also where the request is refused.
    pub(crate) route: Option<RouteLabel>,
    pub(crate) action: Result<Action, Refusal>,
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
        Ok(Self {
            cors: Cors::new(&profile.cors),
            router: Router::new(routes, profile)?,
            headers: AnswerHeaders::new(profile, release),
        })
    }

    /// Pure but for `admit`, which counts the request of a client that has a limit. CORS comes first, since every
    /// answer carries its headers; after that the first refusal wins.
    pub(crate) fn evaluate(
        &self,
        head: &Head,
        fields: &Fields<'_>,
        framing_error: Option<FramingError>,
        limits: &Server,
        admit: impl FnOnce() -> Result<(), Refusal>,
    ) -> Evaluation {
        let cors = self.cors.decide(head, fields);
        let at = self.router.at(head.path());
        let route = at.as_ref().map(Match::label);
        let decide = || {
            if !is_exempt(head, &cors, at.as_ref()) {
                admit()?;
            }
            head.check(fields, limits)?;
            if let Some(framing_error) = framing_error {
                return Err(framing_error.into());
            }
            act(head, &cors, at)
        };
        let action = decide();
        Evaluation { cors, route, action }
    }

    /// The answer with all its headers. Every answer of the service is made here.
    pub(crate) fn answer(
        &self,
        reply: Reply,
        method: &Method,
        decision: Decision,
        id: HeaderValue,
    ) -> Response<Full<Bytes>> {
        with_body_for(method, self.headers.write(&self.cors, decision, reply, id))
    }

    /// The answer to a malformed request, which has neither an origin to grant nor a method.
    pub(crate) fn answer_malformed(&self, reply: Reply, id: HeaderValue) -> Response<Bytes> {
        self.headers.write(&self.cors, Decision::Actual { granted: None, vary: true }, reply, id)
    }

    /// The whole pipeline with a handler that does nothing, for benchmarks.
    pub fn rehearse(&self, request: Request<()>, limits: &Server, id: HeaderValue) -> Response<Full<Bytes>> {
        let (head, ()) = Head::split(request);
        let Evaluation { cors, action, .. } = self.evaluate(&head, &head.fields(), None, limits, || Ok(()));
        let reply = match action {
            Ok(Action::Run(..)) => Reply::ready_json(StatusCode::OK, "{}"),
            Ok(Action::Reply(reply)) => reply,
            Err(refusal) => refusal.into_reply(&id),
        };
        self.answer(reply, head.method(), cors, id)
    }

    /// The CORS decision and its headers, for tests that count allocations.
    pub fn cors(&self, head: &Head, headers: &mut HeaderMap) {
        self.cors.write(self.cors.decide(head, &head.fields()), headers);
    }
}

/// Exempt from the rate limit: preflights, which a browser sends by itself, and the platform's health probes.
fn is_exempt(head: &Head, cors: &Decision, at: Option<&Match<'_, '_>>) -> bool {
    let is_probe =
        |at: &Match<'_, '_>| at.label().kind == RouteKind::Probe && at.handler(head.method()).is_some();
    cors.is_preflight() || at.is_some_and(is_probe)
}

fn act(head: &Head, cors: &Decision, at: Option<Match<'_, '_>>) -> Result<Action, Refusal> {
    match cors {
        // A preflight asks about the policy, not about the resource.
        Decision::Refused => return Err(Refusal::preflight()),
        Decision::Preflight(_) => return Ok(Action::Reply(Reply::empty(StatusCode::NO_CONTENT))),
        Decision::Actual { .. } => {}
    }
    Ok(match find(head.method(), head.path(), at)? {
        Found::Options(allow) => Action::Reply(Reply::empty(StatusCode::NO_CONTENT).with(ALLOW, allow)),
        Found::Handler(handler, route, parameters) => {
            // After the route, so that an unknown path or method is 404 or 405 for every page alike.
            cross_site::check(head, cors.grants())?;
            Action::Run(handler, route, parameters)
        }
    })
}

#[cfg(test)]
mod tests {
    use http::Request;
    use profiles::Declaration;

    use super::*;
    use crate::routes::ROUTES;

    /// The status of the first refusal, in production.
    fn refused(
        method: &str,
        target: &str,
        lines: &[(&str, &str)],
        framing_error: Option<FramingError>,
        is_limited: bool,
    ) -> u16 {
        let today = jiff::civil::date(2026, 1, 1);
        let profile = Declaration::load("production", today).unwrap().profile;
        let policy = Policy::new(&profile, ROUTES, None).unwrap();
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        let (head, ()) = Head::split(request.body(()).unwrap());
        let admit = || if is_limited { Err(Refusal::too_many(1)) } else { Ok(()) };
        let evaluation = policy.evaluate(&head, &head.fields(), framing_error, &profile.server, admit);
        evaluation.action.err().map_or(0, |refusal| refusal.status().as_u16())
    }

    #[test]
    fn the_first_refusal_wins_in_the_order_of_the_architecture() {
        const EVIL: (&str, &str) = ("origin", "https://evil.example");
        const HOST: (&str, &str) = ("host", "a");
        const BREW: (&str, &str) = ("access-control-request-method", "BREW");
        let framing_error = Some(FramingError::BareLineFeed);
        // Each request has the fault of the row and of all rows after it.
        assert_eq!(refused("DELETE", "//health", &[EVIL], framing_error, true), 429);
        assert_eq!(refused("DELETE", "//health", &[EVIL], framing_error, false), 400, "the head");
        assert_eq!(refused("DELETE", "/nothing", &[HOST, EVIL], framing_error, false), 400, "the framing");
        assert_eq!(refused("OPTIONS", "/nothing", &[HOST, EVIL, BREW], None, false), 403, "the preflight");
        assert_eq!(refused("BREW", "/nothing", &[HOST, EVIL], None, false), 501);
        assert_eq!(refused("DELETE", "/nothing", &[HOST, EVIL], None, false), 404);
        assert_eq!(refused("DELETE", "/livez", &[HOST, EVIL], None, false), 405);
        assert_eq!(
            refused("GET", "/livez", &[HOST, EVIL], None, false),
            0,
            "reading is no cross-site change"
        );
    }

    #[test]
    fn probes_and_preflights_are_neither_counted_nor_limited() {
        let asked =
            [("host", "a"), ("origin", "https://todo.example.com"), ("access-control-request-method", "PUT")];
        assert_eq!(refused("OPTIONS", "/health", &asked, None, true), 0);
        assert_eq!(refused("GET", "/health", &asked[..1], None, true), 0);
        assert_eq!(refused("HEAD", "/livez", &asked[..1], None, true), 0);
        // Not a probe: this path has no such method.
        assert_eq!(refused("POST", "/livez", &asked[..1], None, true), 429);
        assert_eq!(refused("OPTIONS", "/livez", &asked[..1], None, true), 429);
    }
}
