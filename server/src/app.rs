//! The pipeline: pure decisions, one effect, one stamp.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::ALLOW;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use profiles::Server;
use tokio::time::{Instant, timeout, timeout_at};

use crate::client::{Client, Proxies};
use crate::context::{Context, Service};
use crate::cors::{Cors, Decision};
use crate::cross_site;
use crate::framing::Flaw;
use crate::head::Head;
use crate::limits::Limits;
use crate::rate::Rate;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::request_id::RequestIds;
use crate::router::{Conflict, Found, Parameters, Router};
use crate::routes::{Handler, Kind};
use crate::stamp::{Stamp, field_name};
use crate::telemetry;
use crate::trace::Parent;

/// The longest that is kept of a request's time to say why there is no answer.
const REASON: Duration = Duration::from_millis(100);

pub(crate) struct App {
    cors: Cors,
    router: Router,
    stamp: Stamp,
    ids: RequestIds,
    proxies: Option<Proxies>,
    limits: Limits,
    rate: Option<Rate>,
    service: Arc<Service>,
}

impl App {
    pub(crate) fn new(service: Arc<Service>, release: Option<&HeaderValue>) -> Result<Self, Conflict> {
        let cors = Cors::new(&service.profile.cors);
        let stamp = Stamp::new(&service.profile, release, &cors);
        let router = Router::new(service.routes, &service.profile)?;
        let proxies = service.profile.client_ip.as_ref().map(Proxies::new);
        let ids = RequestIds::new(service.profile.deployment.request_id_header.as_ref().map(field_name));
        let limits = Limits::new(service.profile.server.max_requests);
        let rate = service.profile.load.rate_limit.and_then(NonZeroU32::new).map(Rate::new);
        Ok(Self { cors, router, stamp, ids, proxies, limits, rate, service })
    }

    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
        flaw: Option<Flaw>,
    ) -> Response<Full<Bytes>> {
        let started = Instant::now();
        let number = self.ids.number();
        let (head, body) = Head::split(request);
        let client = Client::of(peer, self.proxies.as_ref(), &head);
        let id = self.ids.of(&head, &client, number);
        let (method, uri) = (head.method().clone(), head.uri().clone());

        let decision = self.cors.decide(&head);
        let step = self.find(&head, flaw, &decision);
        let (kind, outcome) = match self.count(client, started, &decision, &step).and(step) {
            Err(refusal) => (Kind::Api, Err(refusal)),
            // A preflight that is allowed is a browser's own question, like a probe.
            Ok(Step::Reply(reply)) => (Kind::Probe, Ok(reply)),
            Ok(Step::Run(handler, kind, parameters)) => {
                let arrival = Arrival { number, at: started };
                (kind, self.run(handler, kind, arrival, head, parameters, body).await)
            }
        };
        let reply = outcome.unwrap_or_else(|refusal| refusal.into_reply(&id));
        let response = self.stamp.apply(reply, &method, decision, id.clone());
        telemetry::request(kind, &method, uri.path(), response.status(), started.elapsed(), &id);
        response
    }

    /// To what never became a request: its head was late, or hyper could not read it. There is no origin to grant.
    pub(crate) fn refuse_unheard(&self, status: StatusCode) -> Response<Bytes> {
        let id = self.ids.own(self.ids.number());
        let reply = Refusal::unheard(status).into_reply(&id);
        self.stamp.stamped(reply, Decision::Actual { grant: None, vary: true }, id)
    }

    /// Every request counts, also one that is refused, but probes and preflights: a browser sends those unasked.
    fn count(
        &self,
        client: Client,
        arrived: Instant,
        decision: &Decision,
        step: &Result<Step, Refusal>,
    ) -> Result<(), Refusal> {
        let counts =
            matches!(decision, Decision::Actual { .. }) && !matches!(step, Ok(Step::Run(_, Kind::Probe, _)));
        match &self.rate {
            Some(rate) if counts => rate.check(client.key(), arrived),
            _ => Ok(()),
        }
    }

    fn find(&self, head: &Head, flaw: Option<Flaw>, decision: &Decision) -> Result<Step, Refusal> {
        head.check(&self.service.profile.server)?;
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
            Found::Handler(handler, kind, parameters) => {
                // Not earlier: what does not exist is 404 or 405 for every page alike.
                cross_site::check(head, decision.grants())?;
                Step::Run(handler, kind, parameters)
            }
        })
    }

    /// The one effect: reads the body and calls the handler, under one deadline and with a net for panics.
    async fn run(
        &self,
        handler: Handler,
        kind: Kind,
        arrival: Arrival,
        head: Head,
        parameters: Parameters,
        body: Incoming,
    ) -> Result<Reply, Refusal> {
        // Probes are never turned away: a busy service must not look like a broken one.
        let _place = (kind != Kind::Probe).then(|| self.limits.enter()).transpose()?;
        let service = Arc::clone(&self.service);
        let deadline = self.service.profile.server.request_timeout.get();
        // A little earlier, so that the database's own reason is known before the request is cut.
        let end = arrival.at + deadline.saturating_sub((deadline / 20).min(REASON));
        let parent = Parent::of(&head);
        let work = async move {
            let body = read(body, &service.profile.server).await?;
            handler(Context { head, parameters, body, end, number: arrival.number, parent, service }).await
        };
        match timeout_at(arrival.at + deadline, AssertUnwindSafe(work).catch_unwind()).await {
            Ok(Ok(outcome)) => outcome,
            // The panic hook has logged it.
            Ok(Err(_panic)) => Err(Refusal::internal()),
            Err(_elapsed) => Err(Refusal::timeout()),
        }
    }
}

/// The place of a request in the process's life.
struct Arrival {
    number: u64,
    at: Instant,
}

enum Step {
    Reply(Reply),
    Run(Handler, Kind, Parameters),
}

async fn read(body: Incoming, limits: &Server) -> Result<Bytes, Refusal> {
    // Most requests have none, and need no timer.
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let limit = limits.body_limit.get();
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    match timeout(limits.body_timeout.get(), Limited::new(body, most).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::too_large(limit)),
        Ok(Err(_)) => Err(Refusal::bad_request("the body broke off")),
        Err(_elapsed) => Err(Refusal::body_timeout()),
    }
}
