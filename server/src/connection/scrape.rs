//! The second listener, for metrics: `GET /metrics` and nothing else.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use profiles::Server;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::connection::listener;
use crate::service::exposition::Exposition;

/// The most scrapes at once; further ones wait in the kernel backlog.
const MOST: usize = 8;
/// Hyper's minimum. A scrape's head is a few hundred bytes.
const HEAD: usize = 8192;

/// Serves until it is closed or dropped.
pub(crate) struct MetricsListener(JoinHandle<()>);

impl MetricsListener {
    pub(crate) fn start(address: SocketAddr, exposition: Exposition, server: &Server) -> io::Result<Self> {
        let listener = listener::bind(address)?;
        let (head, answer) = (server.header_timeout.get(), server.write_timeout.get());
        Ok(Self(tokio::spawn(serve(listener, Arc::new(exposition), head, answer))))
    }

    /// Closes the listener and waits until the port is free.
    pub(crate) async fn close(mut self) {
        self.0.abort();
        // The only error is its cancellation.
        let _ = (&mut self.0).await;
    }
}

impl Drop for MetricsListener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn serve(listener: TcpListener, exposition: Arc<Exposition>, head: Duration, answer: Duration) {
    let mut protocol = http1::Builder::new();
    // One scrape per connection, so that its deadline bounds the connection.
    protocol.timer(TokioTimer::new()).header_read_timeout(head).max_buf_size(HEAD).keep_alive(false);
    let mut connections = JoinSet::new();
    let mut next = Box::pin(next_scrape(&listener));
    loop {
        tokio::select! {
            (stream, _) = &mut next, if connections.len() < MOST => {
                next.set(next_scrape(&listener));
                let scrape = scrape(stream, protocol.clone(), Arc::clone(&exposition));
                connections.spawn(timeout(head + answer, scrape));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn next_scrape(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    listener::accept(listener, |error| tracing::error!(%error, "could not accept a scrape")).await
}

async fn scrape(stream: TcpStream, protocol: http1::Builder, exposition: Arc<Exposition>) {
    let service = service_fn(move |request| {
        let response = respond(&request, &exposition);
        async move { Ok::<_, Infallible>(response) }
    });
    if let Err(error) = protocol.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, "a scrape ended early");
    }
}

fn respond<B>(request: &Request<B>, exposition: &Exposition) -> Response<Full<Bytes>> {
    let (status, body) = match (request.uri().path(), request.method()) {
        // Hyper omits the body in the answer to HEAD.
        ("/metrics", &Method::GET | &Method::HEAD) => (StatusCode::OK, exposition.text()),
        ("/metrics", _) => (StatusCode::METHOD_NOT_ALLOWED, String::new()),
        _ => (StatusCode::NOT_FOUND, String::new()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    match status {
        StatusCode::OK => headers.insert(CONTENT_TYPE, HeaderValue::from_static(Exposition::CONTENT_TYPE)),
        StatusCode::METHOD_NOT_ALLOWED => headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD")),
        _ => None,
    };
    response
}
