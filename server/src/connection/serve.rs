//! The running service: it accepts connections, and shuts down gracefully.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use profiles::Delay;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout_at};

use crate::app::App;
use crate::boot::settings::Settings;
use crate::connection::http1::{self, Protocol};
use crate::connection::listener::Acceptor;
use crate::connection::scrape::MetricsListener;
use crate::database::ping::{Ping, Question};
use crate::observe::metrics::Metrics;
use crate::routes::openapi;
use crate::routes::route::Route;
use crate::routes::router::Conflict;
use crate::service::Service;
use crate::service::drain::Drain;
use crate::service::exposition::Exposition;

/// A service that answers on [`Running::local_addr`] until it is stopped. Its drop starts the same drain.
pub struct Running {
    local_addr: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Drained>,
}

/// How the service ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were still open at the deadline.
    pub cut: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Conflict(#[from] Conflict),
    #[error("could not read the listener's address: {0}")]
    Listener(#[from] io::Error),
    #[error(
        "could not listen on {address} for metrics: {error}; free it, change `metrics.address` or `metrics.port`, \
         or remove `[metrics]`"
    )]
    Metrics { address: SocketAddr, error: io::Error },
}

impl Running {
    /// Serves `routes` on the listener. Database connections open when they are first needed.
    pub fn start(
        settings: Settings,
        routes: &'static [&'static Route],
        listener: TcpListener,
    ) -> Result<Self, StartError> {
        let local_addr = listener.local_addr()?;
        let database = Arc::new(settings.database());
        let Settings { profile, release, .. } = settings;
        let ping =
            Ping::new(Arc::clone(&database), Question::of(&profile.health), profile.health.budget.get());
        let metrics = Metrics::new(routes.iter().map(|route| (route.path)(&profile)));
        let (drain, metrics) = (Drain::default(), Arc::new(metrics));
        let document = openapi::document(routes, &profile);
        let service = Arc::new(Service { profile, database, ping, drain, metrics, document });
        let app = Arc::new(App::new(Arc::clone(&service), routes, release.as_ref())?);
        let scraped = listen_for_metrics(&service, release.as_ref())?;
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(serve(listener, app, service, scraped, stopped));
        Ok(Self { local_addr, stop, serving })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Ends as on SIGTERM: not ready for the profile's `limits.lame_duck`; then connections in the backlog are answered
    /// and requests in flight completed within the profile's `server.drain_timeout`; then the pool closes.
    pub async fn stop(self) -> Drained {
        // The service ends by itself only if it failed, which the await below reports.
        let _ = self.stop.send(());
        self.serving.await.expect("serving neither panics nor is it aborted")
    }
}

/// The second listener, if the profile has one.
fn listen_for_metrics(
    service: &Arc<Service>,
    release: Option<&HeaderValue>,
) -> Result<Option<MetricsListener>, StartError> {
    let Some(declared) = &service.profile.metrics else {
        return Ok(None);
    };
    let address = SocketAddr::new(declared.address, declared.port);
    let exposition = Exposition::new(Arc::clone(service), release);
    let listener = MetricsListener::start(address, exposition, &service.profile.server)
        .map_err(|error| StartError::Metrics { address, error })?;
    tracing::info!(%address, "metrics at /metrics");
    Ok(Some(listener))
}

/// Serves, then shuts down: not ready but serving, draining, closing the pool.
async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    service: Arc<Service>,
    scraped: Option<MetricsListener>,
    stopped: oneshot::Receiver<()>,
) -> Drained {
    let mut taking = Taking {
        acceptor: Acceptor::new(listener, Arc::clone(&service)),
        protocol: Protocol::new(&service.profile, app),
        connections: JoinSet::new(),
    };
    taking.until(stopped).await;
    service.drain.announce();
    let lame_duck = service.profile.lame_duck();
    if lame_duck > Delay::NONE {
        tracing::info!(%lame_duck, "not ready, and still serving");
        taking.until(sleep(lame_duck.get())).await;
    }
    let drained = taking.drain(&service).await;
    service.database.close().await;
    // The metrics close last, so that the shutdown can be observed.
    if let Some(scraped) = scraped {
        scraped.close().await;
    }
    drained
}

/// How long handshakes may take that are pending when the kernel starts to drop new connections: one round trip, within
/// a continent a tenth of a second.
const HANDSHAKE: Duration = Duration::from_millis(200);

/// The open connections, and the listener.
struct Taking {
    acceptor: Acceptor,
    protocol: Protocol,
    /// Its drop aborts all connections: the hard end of the drain.
    connections: JoinSet<()>,
}

impl Taking {
    /// Accepts connections until the drain begins.
    async fn until(&mut self, told: impl Future) {
        let Self { acceptor, protocol, connections } = self;
        let mut told = pin!(told);
        // Kept across iterations: another event must not cut short the pause after a failed accept.
        let mut next = Box::pin(acceptor.accept());
        loop {
            tokio::select! {
                _ = &mut told => break,
                accepted = &mut next => {
                    drop(next);
                    next = Box::pin(acceptor.accept());
                    connections.spawn(http1::serve(accepted, protocol.clone()));
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }

    /// Answers the connections of the backlog and ends each connection, within the profile's time.
    async fn drain(mut self, service: &Service) -> Drained {
        service.drain.begin();
        let deadline = Instant::now() + service.profile.server.drain_timeout.get();
        self.acceptor.refuse_new();
        let queue = async {
            self.until(sleep(HANDSHAKE)).await;
            while let Some(accepted) = self.acceptor.accept_queued().await {
                self.connections.spawn(http1::serve(accepted, self.protocol.clone()));
            }
        };
        // Connections still in the backlog at the deadline are reset with the listener; the others are aborted below.
        let _ = timeout_at(deadline, queue).await;
        let Self { acceptor, mut connections, .. } = self;
        drop(acceptor);
        while connections.try_join_next().is_some() {}
        tracing::info!(connections = connections.len(), "draining: the listener is closed");
        let ended = async { while connections.join_next().await.is_some() {} };
        if timeout_at(deadline, ended).await.is_ok() {
            return Drained { cut: 0 };
        }
        while connections.try_join_next().is_some() {}
        let cut = connections.len();
        tracing::warn!(connections = cut, "cut what was still open at the deadline");
        connections.shutdown().await;
        Drained { cut }
    }
}
