//! One connection: HTTP/1.1, with a deadline for every head and a bound on its size.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use profiles::Profile;
use tokio::net::TcpStream;

use crate::app::App;

/// Hyper's read buffer is never smaller, and it panics when asked for less.
const SMALLEST_BUFFER: usize = 8192;

/// HTTP/1 only: that is what Railway's edge speaks to us, and a silent client of the version-sniffing
/// connection is never closed (hyper issue 3756).
pub(crate) fn protocol(profile: &Profile) -> http1::Builder {
    let mut protocol = http1::Builder::new();
    let header_limit = usize::try_from(profile.server.header_limit.get()).unwrap_or(usize::MAX);
    protocol
        // Without a timer the header deadline is silently off.
        .timer(TokioTimer::new())
        .header_read_timeout(profile.server.header_timeout.get())
        .max_buf_size(header_limit.max(SMALLEST_BUFFER));
    protocol
}

pub(crate) async fn serve(
    (stream, peer): (TcpStream, SocketAddr),
    protocol: http1::Builder,
    app: Arc<App>,
    watcher: Watcher,
) {
    // Answers are small and whole: waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let app = Arc::clone(&app);
        async move { Ok::<_, Infallible>(app.answer(request, peer.ip()).await) }
    });
    let connection = protocol.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        // The client's doing: a broken head, a deadline, a reset. Hyper has answered what can be answered.
        tracing::debug!(%error, "a connection ended early");
    }
}
