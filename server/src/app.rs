//! The pipeline: pure decisions, one effect, one function that writes the answer.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Either, Ready, ready};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use profiles::Server;
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;

use crate::observe::access_log::{AccessLogEntry, Pending};
use crate::observe::request_scope::RequestScope;
use crate::observe::route_label::RouteKind;
use crate::policy::cors::Decision;
use crate::policy::limits::Limits;
use crate::policy::rate::Rate;
use crate::policy::{Action, Evaluation, Policy};
use crate::request::client::{Client, Proxies};
use crate::request::framing::FramingError;
use crate::request::head::{Head, field_name};
use crate::request::request_id;
use crate::request::trace::Parent;
use crate::response::refusal::Refusal;
use crate::response::reply::Reply;
use crate::routes::context::{Context, PathParameters};
use crate::routes::route::{AsyncHandler, Handler, Route};
use crate::routes::router::Conflict;
use crate::service::Service;
use crate::service::drain::Drain;

/// The most time reserved for reporting why there is no answer.
const REASON: Duration = Duration::from_millis(100);

pub(crate) struct App {
    policy: Policy,
    request_id_header: Option<HeaderName>,
    proxies: Option<Proxies>,
    limits: Limits,
    rate: Option<Rate>,
    service: Arc<Service>,
}

/// A request that an async handler answers, and its identity.
struct RoutedRequest {
    arrived: Instant,
    uuid: Uuid,
    parent: Option<Parent>,
    head: Head,
    parameters: PathParameters,
    body: Incoming,
}

/// An answer that is ready, or one that must be awaited.
pub(crate) type Answer = Either<Ready<Response<Full<Bytes>>>, BoxFuture<'static, Response<Full<Bytes>>>>;

impl App {
    pub(crate) fn new(
        service: Arc<Service>,
        routes: &[&'static Route],
        release: Option<&HeaderValue>,
    ) -> Result<Self, Conflict> {
        let policy = Policy::new(&service.profile, routes, release)?;
        let proxies = service.profile.client_ip.as_ref().map(Proxies::new);
        let request_id_header = service.profile.deployment.request_id_header.as_ref().map(field_name);
        let limits = Limits::new(service.profile.server.max_requests);
        let rate = service.profile.load.rate_limit.and_then(NonZeroU32::new).map(Rate::new);
        Ok(Self { policy, request_id_header, proxies, limits, rate, service })
    }

    /// Every connection holds one such future, so it stays small while nothing is awaited.
    pub(crate) fn answer(
        self: &Arc<Self>,
        request: Request<Incoming>,
        peer: IpAddr,
        framing_error: Option<FramingError>,
        only_probes: bool,
    ) -> Answer {
        let arrived = Instant::now();
        let uuid = Uuid::new_v4();
        let (head, body) = Head::split(request);
        let client = Client::of(peer, self.proxies.as_ref(), &head);
        let id = request_id::of(&head, &client, self.request_id_header.as_ref(), uuid);
        let fields = head.fields();
        let parent = Parent::of(fields.traceparent);
        let mut entry = AccessLogEntry::begin(&self.service.metrics, &head, &client, arrived);
        let Evaluation { cors: decision, route, action } =
            self.policy.evaluate(&head, &fields, framing_error, &self.service.profile.server, || {
                self.count(&client, arrived)
            });
        // The connection is one of the reserve.
        let is_turned_away = only_probes && !route.is_some_and(|route| route.kind == RouteKind::Probe);
        let action = if is_turned_away { Err(self.turn_away()) } else { action };
        entry.is_preflight = decision.is_preflight();
        // A granted preflight is answered by the policy, not by a route.
        entry.route = route.filter(|_| !(entry.is_preflight && action.is_ok()));
        let scope = RequestScope::new(id.clone(), parent);
        let outcome = match action {
            Err(refusal) => Err(refusal),
            Ok(Action::Reply(reply)) => Ok(reply),
            Ok(Action::Run(Handler::Sync(handler), ..)) => {
                // The handler runs in the scope too: its log lines and its panic carry this request's id.
                let work = || self.end(self.run_sync(handler), &head, decision, &entry, id);
                return Either::Left(ready(scope.run_sync(work)));
            }
            Ok(Action::Run(Handler::Async(handler), route, parameters)) => {
                let (app, pending) = (Arc::clone(self), entry.pending(&head));
                let request = RoutedRequest { arrived, uuid, parent, head, parameters, body };
                let work = async move {
                    let outcome = app.run(handler, route.kind, request).await;
                    app.settle(outcome, pending, decision, id)
                };
                return Either::Right(scope.run(work).boxed());
            }
        };
        Either::Left(ready(scope.run_sync(|| self.end(outcome, &head, decision, &entry, id))))
    }

    /// Finishes a request that an async handler answered.
    fn settle(
        &self,
        outcome: Result<Reply, Refusal>,
        pending: Pending,
        decision: Decision,
        id: HeaderValue,
    ) -> Response<Full<Bytes>> {
        let response = self.respond(outcome, pending.method(), decision, id);
        pending.end(response.status(), response.body().size_hint().exact());
        response
    }

    /// Finishes a request that is answered at once.
    fn end(
        &self,
        outcome: Result<Reply, Refusal>,
        head: &Head,
        decision: Decision,
        entry: &AccessLogEntry,
        id: HeaderValue,
    ) -> Response<Full<Bytes>> {
        let response = self.respond(outcome, head.method(), decision, id);
        entry.end(head.method(), head.path(), response.status(), response.body().size_hint().exact());
        response
    }

    fn respond(
        &self,
        outcome: Result<Reply, Refusal>,
        method: &Method,
        decision: Decision,
        id: HeaderValue,
    ) -> Response<Full<Bytes>> {
        let reply = outcome.unwrap_or_else(|refusal| refusal.into_reply(&id));
        self.policy.answer(reply, method, decision, id)
    }

    pub(crate) fn drain(&self) -> &Drain {
        &self.service.drain
    }

    /// Answers a late head, or one that hyper could not parse. Without a request there is no origin to grant.
    pub(crate) fn refuse_malformed(&self, status: StatusCode) -> Response<Bytes> {
        let id = request_id::from_uuid(Uuid::new_v4());
        self.service.metrics.malformed();
        tracing::info!(
            sum_by = status.as_str(),
            status = status.as_u16(),
            id = id.to_str().ok(),
            "no request: the head is late or malformed"
        );
        let reply = Refusal::malformed(status).into_reply(&id);
        self.policy.answer_malformed(reply, id)
    }

    /// Counts a request of this client, or refuses it above the rate limit.
    fn count(&self, client: &Client, arrived: Instant) -> Result<(), Refusal> {
        let Some(rate) = &self.rate else { return Ok(()) };
        rate.check(client.key(), arrived).inspect_err(|_| self.service.metrics.limited())
    }

    fn turn_away(&self) -> Refusal {
        self.service.metrics.shed();
        Refusal::overloaded()
    }

    fn run_sync(&self, handler: fn(&Service) -> Reply) -> Result<Reply, Refusal> {
        catch_unwind(AssertUnwindSafe(|| handler(&self.service))).map_err(|_panic| Refusal::internal())
    }

    /// The one effect: reads the body and calls the handler, under one deadline, and catches panics.
    async fn run(
        &self,
        handler: AsyncHandler,
        kind: RouteKind,
        request: RoutedRequest,
    ) -> Result<Reply, Refusal> {
        // Probes are never refused: a busy service must not look like a broken one.
        let place = (kind != RouteKind::Probe).then(|| self.limits.enter()).transpose();
        let _place = place.inspect_err(|_| self.service.metrics.shed())?;
        let (arrived, deadline) = (request.arrived, self.service.profile.server.request_timeout.get());
        // A little earlier, so that the database's error arrives before the request's deadline.
        let end = arrived + deadline.saturating_sub((deadline / 20).min(REASON));
        // Pinned in place: moving a future of this size copies it.
        let work = pin!(async move {
            let RoutedRequest { uuid, parent, head, parameters, body, .. } = request;
            let service = Arc::clone(&self.service);
            // Most requests have no body, and need no timer.
            let body = if body.is_end_stream() {
                Bytes::new()
            } else {
                Box::pin(read(body, &service.profile.server)).await?
            };
            handler(Context { head, parameters, body, end, uuid, parent, service }).await
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
    let limit = limits.body_limit.get();
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    match timeout(limits.body_timeout.get(), Limited::new(body, most).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::too_large(limit)),
        Ok(Err(_)) => Err(Refusal::bad_request("the body ended early")),
        Err(_elapsed) => Err(Refusal::body_timeout()),
    }
}
