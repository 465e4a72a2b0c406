//! One connection: HTTP/1.1 on a socket that knows how long its client may take.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;

use futures_util::FutureExt as _;
use http::HeaderValue;
use http::header::CONNECTION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use profiles::{Profile, Server};
use tokio::net::TcpStream;

use crate::app::App;
use crate::connection::places::{Place, RESERVE_HEAD};
use crate::connection::socket::{Patience, Socket, Turn};
use crate::observe::metrics::GaugeGuard;

/// Hyper's read buffer is never smaller, and it panics when asked for less.
const SMALLEST_BUFFER: usize = 8192;

/// A connection that the service has taken.
pub(crate) struct Accepted {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    /// Given back when the connection ends.
    pub(crate) place: Place,
    pub(crate) open: GaugeGuard,
}

/// What every connection is served with.
#[derive(Clone)]
pub(crate) struct Protocol {
    http: http1::Builder,
    patience: Patience,
    app: Arc<App>,
}

impl Protocol {
    /// HTTP/1 only: that is what Railway's edge speaks to us, and a silent client of the version-sniffing
    /// connection is never closed (hyper issue 3756).
    pub(crate) fn new(profile: &Profile, app: Arc<App>) -> Self {
        let server = &profile.server;
        let patience = Patience {
            head: server.header_timeout.get(),
            keep_alive: server.keep_alive_timeout.get(),
            write: server.write_timeout.get(),
        };
        Self { http: http(server), patience, app }
    }
}

/// How hyper reads a connection.
pub(crate) fn http(server: &Server) -> http1::Builder {
    let mut http = http1::Builder::new();
    // More than `Head::check` lets through, which says more than hyper can when its buffer is full.
    let limits = server.header_limit.get() + server.uri_limit.get();
    let buffer = usize::try_from(limits).unwrap_or(usize::MAX).saturating_add(SMALLEST_BUFFER);
    // The deadlines are the socket's.
    // Answers are small: to gather a head and its body takes longer than to copy them.
    http.header_read_timeout(None).max_buf_size(buffer).writev(false);
    http
}

/// Serves one connection until either side ends it. Once the service drains, or needs its place, its next answer is its
/// last.
pub(crate) async fn serve(accepted: Accepted, protocol: Protocol) {
    let Accepted { stream, peer, place, open: _open } = accepted;
    let Protocol { http, mut patience, app } = protocol;
    // Answers are small and whole: waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    if place.is_extra() {
        patience.head = patience.head.min(RESERVE_HEAD);
    }
    let (turn, place) = (Arc::new(Turn::default()), Arc::new(place));
    let socket = Socket::new(stream, Arc::clone(&turn), patience, Arc::clone(&app), Arc::clone(&place));
    let (asked, at) = (Arc::clone(&app), Arc::clone(&place));
    let service = service_fn(move |request| {
        let flaw = turn.begin();
        let (turn, app, place) = (Arc::clone(&turn), Arc::clone(&asked), Arc::clone(&at));
        let regular = place.is_extra().then(|| place.regular());
        let only_probes = matches!(regular, Some(None));
        asked.answer(request, peer.ip(), flaw, only_probes).map(move |mut response| {
            turn.end();
            drop(regular);
            if app.drain().has_begun() || place.ends() {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        })
    });
    let mut served = pin!(http.serve_connection(TokioIo::new(socket), service));
    let mut draining = false;
    let served = loop {
        tokio::select! {
            served = &mut served => break served,
            // hyper's own graceful end closes what it has not read yet. Here it only looks again: what waits in the
            // socket is read and answered, and where nothing comes the socket knows for how long.
            () = app.drain().begun(), if !draining => draining = true,
            () = place.wanted() => {}
        }
    };
    if let Err(error) = served {
        // The client's doing: a broken head, a deadline, a reset. What could be answered has been.
        tracing::debug!(%error, "a connection ended early");
    }
}
