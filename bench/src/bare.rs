//! The least that hyper can do: one thread, no deadline, no limit, no id, no header that the benchmark does not need.

use std::convert::Infallible;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

pub type Answer = Response<Full<Bytes>>;

/// Serves until it is killed.
pub fn serve<S, F>(service: S)
where
    S: Fn(Request<Incoming>) -> F + Clone + 'static,
    F: Future<Output = Answer> + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime.expect("a runtime"), async move {
        let listener = TcpListener::bind(crate::address()).await.expect("a free port");
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let _ = stream.set_nodelay(true);
            let service = service.clone();
            let service = service_fn(move |request| {
                let answer = service(request);
                async { Ok::<_, Infallible>(answer.await) }
            });
            tokio::task::spawn_local(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
}

pub fn live() -> Answer {
    json(StatusCode::OK, crate::LIVE)
}

pub fn healthy(connected: bool) -> Answer {
    match connected {
        true => json(StatusCode::OK, crate::HEALTHY),
        false => json(StatusCode::SERVICE_UNAVAILABLE, crate::UNHEALTHY),
    }
}

pub fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status;
    answer
}

fn json(status: StatusCode, body: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}
