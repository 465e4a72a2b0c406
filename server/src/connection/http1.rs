//! One connection: HTTP/1.1 on a socket with deadlines for its client.

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

/// The smallest read buffer that hyper accepts: it panics below this.
const SMALLEST_BUFFER: usize = 8192;

/// An accepted connection.
pub(crate) struct Accepted {
    pub(crate) stream: TcpStream,
    pub(crate) peer: SocketAddr,
    /// Released when the connection ends.
    pub(crate) place: Place,
    pub(crate) open: GaugeGuard,
}

/// The state that every connection is served with.
#[derive(Clone)]
pub(crate) struct Protocol {
    http: http1::Builder,
    patience: Patience,
    app: Arc<App>,
}

impl Protocol {
    /// HTTP/1 only: Railway's edge speaks nothing else to the service, and a silent client of the version-sniffing
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

/// The configuration of hyper.
pub(crate) fn http(server: &Server) -> http1::Builder {
    let mut http = http1::Builder::new();
    // More than `Head::check` accepts, whose refusals say more than hyper's when its buffer is full.
    let limits = server.header_limit.get() + server.uri_limit.get();
    let buffer = usize::try_from(limits).unwrap_or(usize::MAX).saturating_add(SMALLEST_BUFFER);
    // The socket has the deadlines.
    // Answers are small: a vectored write of head and body takes longer than a copy.
    http.header_read_timeout(None).max_buf_size(buffer).writev(false);
    http
}

/// Serves one connection until either side ends it. Once the service drains, or needs its place, the next answer is the
/// last.
pub(crate) async fn serve(accepted: Accepted, protocol: Protocol) {
    let Accepted { stream, peer, place, open: _open } = accepted;
    let Protocol { http, mut patience, app } = protocol;
    // Answers are small and complete: waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    if place.is_extra() {
        patience.head = patience.head.min(RESERVE_HEAD);
    }
    let (turn, place) = (Arc::new(Turn::default()), Arc::new(place));
    let socket = Socket::new(stream, Arc::clone(&turn), patience, Arc::clone(&app), Arc::clone(&place));
    let (asked, at) = (Arc::clone(&app), Arc::clone(&place));
    let service = service_fn(move |request| {
        let framing_error = turn.begin();
        let (turn, app, place) = (Arc::clone(&turn), Arc::clone(&asked), Arc::clone(&at));
        let regular = place.is_extra().then(|| place.regular());
        let only_probes = matches!(regular, Some(None));
        asked.answer(request, peer.ip(), framing_error, only_probes).map(move |mut response| {
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
            // hyper's graceful shutdown would drop unread requests. Here it is only polled again: requests in the
            // socket are read and answered, and the socket has a deadline for an idle client.
            () = app.drain().begun(), if !draining => draining = true,
            () = place.wanted() => {}
        }
    };
    if let Err(error) = served {
        // Caused by the client: a malformed head, a deadline, a reset. It was answered if that was possible.
        tracing::debug!(%error, "a connection ended early");
    }
}
