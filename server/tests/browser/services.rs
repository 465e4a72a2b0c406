//! The services under test: healthy, beyond a rate limit, without a database, and without credentials.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use futures_util::FutureExt as _;
use http::{Method, StatusCode};
use profiles::Declaration;
use server::{HEALTH, Handler, Reply, Route, RouteKind, Running, Served};
use testkit::Postgres;

use crate::pages::{Page, Pages};
use crate::support::{A, NO_DATABASE, get, production, serve_with};
use crate::tap::{Exchange, Tap};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    Well,
    Limited,
    Severed,
    Uncredentialed,
}

/// The headers that the profile exposes.
pub(crate) const EXPOSED: &[&str] = &["x-request-id", "retry-after"];

pub(crate) struct Services {
    well: Tap,
    limited: Tap,
    severed: Tap,
    uncredentialed: Tap,
    _running: [Running; 4],
    _postgres: Postgres,
}

const KEPT: Handler = Handler::Async(|context| {
    async move {
        let kept = context.database().query("select 'kept'", &[]).await?;
        let kept: &str = kept[0].get(0);
        Ok(Reply::json(StatusCode::OK, &(context.head().method().as_str(), context.body().len(), kept)))
    }
    .boxed()
});
const NOTES: Route = Route {
    path: |_| "/api/notes",
    methods: &[(Method::GET, KEPT), (Method::POST, KEPT), (Method::PUT, KEPT), (Method::DELETE, KEPT)],
    served: Served::Always,
    kind: RouteKind::Api,
    summary: "What PostgreSQL says.",
};
const BOOM: Route = Route {
    path: |_| "/boom",
    methods: &[
        (
            Method::GET,
            Handler::Async(|context| {
                async move {
                    context.database().query("select 1 / 0", &[]).await?;
                    Ok(Reply::empty(StatusCode::OK))
                }
                .boxed()
            }),
        ),
        (Method::DELETE, Handler::Async(|_| async { panic!("a panic that a test asks for") }.boxed())),
    ],
    summary: "Fails in its statement, or panics.",
    ..NOTES
};
static ASKED: &[&Route] = &[&NOTES, &BOOM, &HEALTH];

impl Services {
    pub(crate) async fn start(pages: &Pages) -> Self {
        let postgres = Postgres::start().unwrap();
        let unlimited = ("rate_limit = 600 ", "rate_limit = 10000 ");
        let profile = |changes: &[_]| profile(pages, changes);
        let running = [
            serve_with(&profile(&[unlimited]), &postgres.url(), ASKED).await,
            serve_with(&profile(&[("rate_limit = 600 ", "rate_limit = 1 ")]), NO_DATABASE, ASKED).await,
            serve_with(&profile(&[unlimited]), NO_DATABASE, ASKED).await,
            serve_with(
                &profile(&[unlimited, ("credentials = true", "credentials = false")]),
                &postgres.url(),
                ASKED,
            )
            .await,
        ];
        let [well, limited, severed, uncredentialed] = running.each_ref().map(Running::local_addr);
        // Uses up the one request that it grants per minute.
        assert_eq!(get(limited, "/nothing").await.status, 404);
        Self {
            well: Tap::to(well).await,
            limited: Tap::to(limited).await,
            severed: Tap::to(severed).await,
            uncredentialed: Tap::to(uncredentialed).await,
            _running: running,
            _postgres: postgres,
        }
    }

    /// The service's URL for a browser.
    pub(crate) fn address(&self, to: To) -> SocketAddr {
        let tap = match to {
            To::Well => &self.well,
            To::Limited => &self.limited,
            To::Severed => &self.severed,
            To::Uncredentialed => &self.uncredentialed,
        };
        tap.address()
    }

    /// The requests with this query that reached any service; a preflight comes first.
    pub(crate) fn arrived(&self) -> BTreeMap<String, Vec<Exchange>> {
        let taps = [&self.well, &self.limited, &self.severed, &self.uncredentialed];
        let mut arrived = BTreeMap::<_, Vec<_>>::new();
        for exchange in taps.into_iter().flat_map(Tap::exchanges) {
            arrived.entry(exchange.query.clone()).or_default().push(exchange);
        }
        for exchanges in arrived.values_mut() {
            exchanges.sort_by_key(|exchange| exchange.method != "OPTIONS");
        }
        arrived
    }
}

/// The production profile with origins on this machine, which the rules refuse in production.
fn profile(pages: &Pages, changes: &[(&str, &str)]) -> Declaration {
    let exposed = format!("exposed_headers = {EXPOSED:?}");
    let local =
        [DEVELOPMENT, (A, &pages.origin(Page::Allowed)), ("exposed_headers = [\"x-request-id\"]", &exposed)];
    production(&[&local, changes].concat())
}

pub(crate) fn with_docs() -> Declaration {
    production(&[DEVELOPMENT, ("docs = \"hidden\"", "docs = \"shown\"")])
}

const DEVELOPMENT: (&str, &str) = ("environment = \"production\"", "environment = \"development\"");
