//! A small backend for tests: sound by default, or with exactly one fault.
#![allow(
    dead_code,
    clippy::disallowed_methods,
    reason = "each test binary uses a part, and tests reach the world outside"
)]

pub(crate) mod command;
pub(crate) mod edge;
pub(crate) mod missing;

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body_util::Full;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use profiles::{Declaration, Origin};
use tokio::net::TcpListener;
use variants::Variant;
use verify::judge::plan::Plan;
use verify::model::check::{Needs, Subject};
use verify::model::evidence::{Evidence, Selection};
use verify::prober::{ProbeOptions, Prober};

pub(crate) const TODAY: Date = date(2026, 1, 2);
pub(crate) const RELEASE: &str = "4f2c1e9aa0";

/// Request ids are counted.
static REQUESTS: AtomicU64 = AtomicU64::new(1);

/// A request as the backend sees it; header names are in lower case.
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    /// The address with TLS, for a request without it.
    pub(crate) secure: Option<SocketAddr>,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) delay: Duration,
}

/// A fault of a backend: changes the sound reply to a request.
pub(crate) type Distort = fn(&Seen, &mut Reply);

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn origin(&self) -> &str {
        self.header("origin").unwrap_or_default()
    }

    pub(crate) fn is_preflight(&self) -> bool {
        self.method == "OPTIONS"
            && self.header("origin").is_some()
            && self.header("access-control-request-method").is_some()
    }
}

impl Reply {
    pub(crate) fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new(), delay: Duration::ZERO }
    }

    pub(crate) fn add(&mut self, name: &str, value: impl Into<String>) {
        self.headers.push((name.to_owned(), value.into()));
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.add(name, value);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.headers.retain(|(known, _)| known != name);
    }

    /// The grant of a faulty policy: the origin of the request.
    pub(crate) fn grant(&mut self, seen: &Seen) {
        if seen.header("origin").is_some() {
            self.set("access-control-allow-origin", seen.origin());
            self.set("access-control-allow-credentials", "true");
        }
    }

    /// A success with this content, keeping the headers of the reply.
    pub(crate) fn content(&mut self, media_type: &str, body: &str) {
        self.status = 200;
        self.set("content-type", media_type);
        body.clone_into(&mut self.body);
    }
}

/// The production profile with shorter timeouts and a smaller burst. The limits on latency are so high that only a
/// backend with that fault exceeds them, even on a busy machine. The backend has no rate limit: `tests/rate.rs` has.
pub(crate) static DECLARATION: LazyLock<Declaration> = LazyLock::new(|| production().declaration());

/// The same, to be changed.
pub(crate) fn production() -> Variant {
    variants::production()
        .with("load.p50", "3s")
        .with("load.p95", "3s")
        .with("load.p99", "3s")
        .with("server.header_timeout", "1s")
        .with("load.burst", 20)
        .without("load.rate_limit")
}

/// Origins that only the development profile allows.
pub(crate) fn foreign() -> Vec<(String, Origin)> {
    let other = Declaration::load("development", TODAY).expect("the embedded profile is sound");
    other.profile.cors.origins.iter().map(|origin| (other.name.clone(), origin.clone())).collect()
}

/// Starts a backend on a free port; it lives as long as the runtime.
pub(crate) async fn start(distort: Distort) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let address = listener.local_addr().expect("a bound listener has an address");
    tokio::spawn(serve(listener, distort));
    address
}

pub(crate) async fn serve(listener: TcpListener, distort: Distort) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(edge::http1(stream, distort, edge::Quirk::None, None));
    }
}

pub(crate) fn subject(address: SocketAddr) -> Subject<'static> {
    let target = format!("http://{address}").parse().expect("a socket address makes an origin");
    Subject {
        declaration: &DECLARATION,
        target,
        foreign: foreign(),
        expected_release: Some(RELEASE.to_owned()),
        allows: Needs::Intrusive,
    }
}

/// Sends the whole plan.
pub(crate) async fn probe(plan: &Plan<'_>) -> Evidence {
    let prober = Prober::new(plan.subject.profile(), &plan.subject.target, &ProbeOptions::default())
        .expect("a plain client can be set up");
    prober.run(plan, |_| ()).await
}

pub(crate) fn full_plan(subject: Subject<'_>) -> Plan<'_> {
    Plan::of(subject, &Selection::default()).expect("the whole catalogue fits the budget")
}

async fn answer(
    request: hyper::Request<hyper::body::Incoming>,
    distort: Distort,
    secure: Option<SocketAddr>,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let authority = request.uri().authority().map(|authority| ("host".to_owned(), authority.to_string()));
    let seen = Seen {
        secure,
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
        headers: request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            // HTTP/2 says it in the request's target.
            .chain(authority)
            .collect(),
    };
    let mut reply = sound(&seen);
    distort(&seen, &mut reply);
    tokio::time::sleep(reply.delay).await;
    let gzip = reply.headers.iter().any(|(name, value)| name == "content-encoding" && value == "gzip");
    let body = if gzip { compressed(reply.body.as_bytes()) } else { reply.body.into_bytes() };
    let mut response = hyper::Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    Ok(response.body(Full::from(body)).expect("the test's headers are valid"))
}

fn compressed(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).expect("memory takes every byte");
    encoder.finish().expect("memory takes every byte")
}

/// A backend that keeps every promise of the production profile.
fn sound(seen: &Seen) -> Reply {
    if let Some(address) = seen.secure {
        let mut reply = Reply::new(308);
        reply.add("location", format!("https://{address}{}", seen.path));
        return reply;
    }
    if !has_one_host(seen) {
        return stamped(seen, problem(400, "Bad Request"));
    }
    if seen.header("content-length").is_some_and(|length| length.len() > 6) {
        return stamped(seen, problem(413, "Content Too Large"));
    }
    let cors = &DECLARATION.profile.cors;
    let single = seen.headers.iter().filter(|(name, _)| name == "origin").count() == 1;
    let allowed = single && cors.origins.iter().any(|origin| origin.as_str() == seen.origin());
    if seen.is_preflight() {
        return stamped(seen, preflight(seen, allowed));
    }
    let mut reply = match (seen.path.as_str(), seen.method.as_str()) {
        ("/health", "GET" | "HEAD") => health(),
        ("/health", "OPTIONS") => Reply::new(204),
        ("/health", method) if ["POST", "PUT", "PATCH", "DELETE", "TRACE"].contains(&method) => {
            problem(405, "Method Not Allowed")
        }
        ("/health", _) => problem(501, "Not Implemented"),
        _ => problem(404, "Not Found"),
    };
    if reply.status == 405 || reply.status == 204 {
        reply.add("allow", "GET, HEAD, OPTIONS");
    }
    if allowed {
        reply.grant(seen);
        reply.add("access-control-expose-headers", "x-request-id");
    }
    stamped(seen, reply)
}

fn has_one_host(seen: &Seen) -> bool {
    let mut hosts = seen.headers.iter().filter(|(name, _)| name == "host");
    match (hosts.next(), hosts.next()) {
        (Some((_, host)), None) => !host.is_empty() && !host.contains(['/', ' ', '@']),
        _ => false,
    }
}

fn preflight(seen: &Seen, allowed: bool) -> Reply {
    let cors = &DECLARATION.profile.cors;
    let method = seen.header("access-control-request-method").unwrap_or_default();
    let asked: Vec<String> = seen
        .headers
        .iter()
        .filter(|(name, _)| name == "access-control-request-headers")
        .flat_map(|(_, value)| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect();
    let method_allowed = ["GET", "HEAD", "POST"].contains(&method)
        || cors.methods.iter().any(|known| known.as_str() == method);
    let headers_allowed =
        asked.iter().all(|name| cors.request_headers.iter().any(|known| known.as_str() == name));
    if !allowed || !method_allowed || !headers_allowed {
        return problem(403, "Forbidden");
    }
    let mut reply = Reply::new(204);
    reply.grant(seen);
    reply.add("access-control-allow-methods", method);
    reply.add("access-control-allow-headers", asked.join(","));
    reply.add("access-control-max-age", "600");
    reply
}

fn health() -> Reply {
    let mut reply = Reply::new(200);
    let body = serde_json::json!({"status": "ok", "database": "connected", "environment": "production", "timestamp": Timestamp::now().to_string()});
    reply.content("application/json", &body.to_string());
    reply
}

pub(crate) fn problem(status: u16, title: &str) -> Reply {
    let mut reply = Reply::new(status);
    reply.add("content-type", "application/problem+json");
    reply.body = serde_json::json!({"type": "about:blank", "title": title, "status": status}).to_string();
    reply
}

fn stamped(seen: &Seen, mut reply: Reply) -> Reply {
    for (name, value) in [
        ("cache-control", "no-store"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("referrer-policy", "no-referrer"),
        ("strict-transport-security", "max-age=31536000"),
        ("x-content-type-options", "nosniff"),
        ("x-release", RELEASE),
    ] {
        reply.add(name, value);
    }
    reply.add("x-request-id", REQUESTS.fetch_add(1, Ordering::Relaxed).to_string());
    if seen.method != "OPTIONS" {
        reply.add("vary", "origin");
    }
    // Compressed as told by its headers; see `answer`.
    if seen.header("accept-encoding") == Some("gzip") {
        reply.add("vary", "accept-encoding");
        reply.add("content-encoding", "gzip");
    }
    reply
}
