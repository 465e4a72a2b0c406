//! The pipeline: pure decisions, one effect, one stamp.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Either, Ready, ready};
use http::header::ALLOW;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use profiles::Server;
use tokio::time::{Instant, timeout, timeout_at};

use crate::client::{Client, Proxies};
use crate::context::{Context, Glance, Service};
use crate::cors::{Cors, Decision};
use crate::cross_site;
use crate::current::Current;
use crate::framing::Flaw;
use crate::head::Head;
use crate::limits::Limits;
use crate::rate::Rate;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::request_id::RequestIds;
use crate::router::{Conflict, Found, Named, Parameters, Router};
use crate::routes::{Handler, Kind, Later};
use crate::stamp::{Stamp, field_name};
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

/// A request, where it comes from, and what names it.
struct Asked {
    arrived: Instant,
    number: u64,
    client: Client,
    parent: Option<Parent>,
    head: Head,
    flaw: Option<Flaw>,
    body: Incoming,
}

/// At once, or later.
pub(crate) type Answer = Either<Ready<Response<Full<Bytes>>>, BoxFuture<'static, Response<Full<Bytes>>>>;

enum Step {
    Reply(Reply),
    Run(Handler, Named, Parameters),
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

    /// A future that is small while nothing is waited for: every connection has room for one.
    pub(crate) fn answer(
        self: &Arc<Self>,
        request: Request<Incoming>,
        peer: IpAddr,
        flaw: Option<Flaw>,
    ) -> Answer {
        let arrived = Instant::now();
        let number = self.ids.number();
        let (head, body) = Head::split(request);
        let client = Client::of(peer, self.proxies.as_ref(), &head);
        let id = self.ids.of(&head, &client, number);
        let parent = Parent::of(&head);
        let mut record = Record::begin(&self.service, &head, &client, arrived);
        let decision = self.cors.decide(&head);
        let asked = Asked { arrived, number, client, parent, head, flaw, body };
        let found = self.find(&asked, &decision);
        record.is_preflight = decision.is_preflight();
        record.route = match &found {
            Ok(Step::Run(_, route, _)) => Some(*route),
            _ => self.router.named(asked.head.path()),
        };
        let current = Current::new(id.clone(), parent);
        let outcome = match self.count(&asked, &decision, &found).and(found) {
            Err(refusal) => Err(refusal),
            Ok(Step::Reply(reply)) => Ok(reply),
            Ok(Step::Run(Handler::Now(answer), ..)) => {
                // Inside as well: what it logs, and its panic, are this request's.
                let work = || self.finish(self.run_now(answer), decision, record, id);
                return Either::Left(ready(current.within(work)));
            }
            Ok(Step::Run(Handler::Later(handler), route, parameters)) => {
                let app = Arc::clone(self);
                let work = async move {
                    let outcome = app.run(handler, route.kind, asked, parameters).await;
                    app.finish(outcome, decision, record, id)
                };
                return Either::Right(current.scope(work).boxed());
            }
        };
        Either::Left(ready(current.within(|| self.finish(outcome, decision, record, id))))
    }

    fn finish(
        &self,
        outcome: Result<Reply, Refusal>,
        decision: Decision,
        record: Record,
        id: HeaderValue,
    ) -> Response<Full<Bytes>> {
        let reply = outcome.unwrap_or_else(|refusal| refusal.into_reply(&id));
        let response = self.stamp.apply(reply, record.method(), decision, id);
        record.end(response.status(), response.body().size_hint().exact());
        response
    }

    /// To what never became a request: its head was late, or hyper could not read it. There is no origin to grant.
    pub(crate) fn refuse_unheard(&self, status: StatusCode) -> Response<Bytes> {
        let id = self.ids.own(self.ids.number());
        self.service.metrics.unheard();
        tracing::info!(
            status = status.as_u16(),
            id = id.to_str().ok(),
            "no request: a head that is late or broken"
        );
        let reply = Refusal::unheard(status).into_reply(&id);
        self.stamp.stamped(reply, Decision::Actual { grant: None, vary: true }, id)
    }

    /// Every request counts, also one that is refused, but preflights, which a browser sends unasked, and what a
    /// platform asks of the health paths.
    fn count(
        &self,
        asked: &Asked,
        decision: &Decision,
        found: &Result<Step, Refusal>,
    ) -> Result<(), Refusal> {
        let is_probe = matches!(found, Ok(Step::Run(_, Named { kind: Kind::Probe, .. }, _)));
        match &self.rate {
            Some(rate) if !decision.is_preflight() && !is_probe => {
                rate.check(asked.client.key(), asked.arrived).inspect_err(|_| self.service.metrics.limited())
            }
            _ => Ok(()),
        }
    }

    fn find(&self, asked: &Asked, decision: &Decision) -> Result<Step, Refusal> {
        let head = &asked.head;
        head.check(&self.service.profile.server)?;
        if let Some(flaw) = asked.flaw {
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

    fn run_now(&self, answer: fn(&Glance<'_>) -> Reply) -> Result<Reply, Refusal> {
        let glance = Glance { service: &self.service };
        catch_unwind(AssertUnwindSafe(|| answer(&glance))).map_err(|_panic| Refusal::internal())
    }

    /// The one effect: reads the body and calls the handler, under one deadline and with a net for panics.
    async fn run(
        &self,
        handler: Later,
        kind: Kind,
        Asked { arrived, number, parent, head, body, .. }: Asked,
        parameters: Parameters,
    ) -> Result<Reply, Refusal> {
        // Probes are never turned away: a busy service must not look like a broken one.
        let place = (kind != Kind::Probe).then(|| self.limits.enter()).transpose();
        let _place = place.inspect_err(|_| self.service.metrics.shed())?;
        let service = Arc::clone(&self.service);
        let deadline = self.service.profile.server.request_timeout.get();
        // A little earlier, so that the database's own reason is known before the request is cut.
        let end = arrived + deadline.saturating_sub((deadline / 20).min(REASON));
        // Pinned where it is made: wrapped by value, a future of this size is copied.
        let work = pin!(async move {
            let body = read(body, &service.profile.server).await?;
            handler(Context { head, parameters, body, end, number, parent, service }).await
        });
        match timeout_at(arrived + deadline, AssertUnwindSafe(work).catch_unwind()).await {
            Ok(Ok(outcome)) => outcome,
            // The panic hook has logged it.
            Ok(Err(_panic)) => Err(Refusal::internal()),
            Err(_elapsed) => Err(Refusal::timeout()),
        }
    }
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
