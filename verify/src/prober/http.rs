//! Requests through a client library: HTTP/1.1, no redirects followed, no proxy, no cookies kept.
#![allow(clippy::disallowed_methods, reason = "probing is I/O and takes time")]

use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use profiles::Origin;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{COOKIE, HeaderName, HeaderValue};
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::ProbeOptions;
use super::certificate;
use super::failure::{Peer, Unresolved};
use crate::model::exchange::{AddressKind, Answer, Means, Request, Response};
use crate::model::missing::{Missing, NotSent, Phase};
use crate::model::redact;
use crate::model::tls::TlsFailure;

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("could not read certificates from --ca {path}: {why}; it must be a PEM file")]
    Ca { path: String, why: String },
    #[error("`{0}` is not a header that can be sent; write --header 'Name: value'")]
    Header(String),
    #[error("could not set up the HTTP client: {0}")]
    Setup(String),
}

pub(super) const USER_AGENT: &str = concat!("plumbline-verify/", env!("CARGO_PKG_VERSION"));

/// An idle connection is not reused after this time. Servers close idle connections, some after a second or two, and a
/// request that crosses the close gets no answer: the failure would prove nothing (RFC 9112 section 9.3.1).
const LONGEST_IDLE: Duration = Duration::from_millis(500);

/// Connecting may take as long as the whole answer. The wait for the answer ends this much later, so that the
/// connection's timeout comes first: it knows the phase.
const MOMENT: Duration = Duration::from_millis(50);

pub(super) struct HttpClient {
    usual: reqwest::Client,
    target: Origin,
    base: Url,
    /// The same host without TLS.
    plain: Url,
    timeout: Duration,
    tls: ClientConfig,
    /// Sent with every request, never recorded.
    private: Vec<(HeaderName, HeaderValue)>,
    /// Their values, which an answer may repeat.
    confidential: Vec<String>,
}

impl HttpClient {
    pub(super) fn new(
        target: &Origin,
        timeout: Duration,
        options: &ProbeOptions,
    ) -> Result<Self, ClientError> {
        let tls = certificate::client_config(options.ca.as_deref())?;
        // Between two steps of a drill a service may close an idle connection, and a failure on it would prove nothing.
        let kept = if options.timeout.is_some() { 0 } else { usize::MAX };
        let usual = common(timeout, with_protocols(&tls, &[b"http/1.1"]))
            .http1_only()
            .pool_max_idle_per_host(kept)
            .build()
            .map_err(|error| ClientError::Setup(error.to_string()))?;
        let private = options.headers.iter().map(|(name, value)| {
            let header = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value));
            match header {
                (Ok(name), Ok(value)) => Ok((name, value)),
                _ => Err(ClientError::Header(name.clone())),
            }
        });
        let url = |text: &str| Url::parse(text).map_err(|error| ClientError::Setup(error.to_string()));
        let plain = format!("http://{}:{}", target.host(), options.plain_port.unwrap_or(80));
        Ok(Self {
            usual,
            target: target.clone(),
            base: url(target.as_str())?,
            plain: url(&plain)?,
            timeout,
            tls,
            private: private.collect::<Result<_, _>>()?,
            confidential: options.headers.iter().map(|(_, value)| value.clone()).collect(),
        })
    }

    /// The TLS settings for raw connections, without a protocol.
    pub(super) const fn tls(&self) -> &ClientConfig {
        &self.tls
    }

    pub(super) fn private(&self) -> &[(HeaderName, HeaderValue)] {
        &self.private
    }

    pub(super) fn confidential(&self) -> &[String] {
        &self.confidential
    }

    /// Sends one request. If no connection was opened, it is retried once: no byte had been sent.
    pub(super) async fn send(&self, request: &Request) -> Answer {
        match self.client(&request.means).await {
            Ok((client, base)) => self.answer(&client, base, request).await,
            Err(why) => Answer::Missing(why),
        }
    }

    async fn answer(&self, client: &reqwest::Client, base: &Url, request: &Request) -> Answer {
        let mut result = self.attempt(client, base, request).await;
        if result.as_ref().is_err_and(never_connected) {
            tokio::time::sleep(Duration::from_millis(100)).await;
            result = self.attempt(client, base, request).await;
        }
        match result {
            Ok(response) => Answer::Received(response),
            Err(why) => Answer::Missing(why),
        }
    }

    /// The library's client for these means, and its target.
    async fn client(&self, means: &Means) -> Result<(reqwest::Client, &Url), Missing> {
        let builder = match means {
            Means::Http2 => common(self.timeout, with_protocols(&self.tls, &[b"h2"])).http2_prior_knowledge(),
            Means::Plain => return Ok((self.usual.clone(), &self.plain)),
            Means::Address(kind) => {
                let addresses = self.addresses(*kind).await?;
                let builder = common(self.timeout, with_protocols(&self.tls, &[b"http/1.1"])).http1_only();
                builder.resolve_to_addrs(&self.target.host().to_string(), &addresses)
            }
            _ => return Ok((self.usual.clone(), &self.base)),
        };
        let client = builder.build().map_err(|_| Missing::NotSent(NotSent::NoClient))?;
        Ok((client, &self.base))
    }

    async fn addresses(&self, kind: AddressKind) -> Result<Vec<SocketAddr>, Missing> {
        let port = self.target.port().unwrap_or(self.target.scheme().default_port());
        let host = self.target.host().to_string();
        let all = lookup(host.trim_matches(['[', ']']), port).await;
        let mut wanted = all.map_err(|Unresolved(host)| Missing::Unresolved { host })?;
        wanted.retain(|address| address.is_ipv4() == (kind == AddressKind::IPv4));
        if wanted.is_empty() { Err(Missing::NoAddress { host, kind }) } else { Ok(wanted) }
    }

    async fn attempt(
        &self,
        client: &reqwest::Client,
        base: &Url,
        request: &Request,
    ) -> Result<Response, Missing> {
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .expect("checks ask with method tokens: asserted in tests/catalogue.rs");
        let url =
            base.join(&request.path).expect("checks ask for absolute paths: asserted in tests/catalogue.rs");
        let mut builder = client.request(method, url);
        // A client sends one Cookie line (RFC 6265 section 5.4), and a protected preview needs the caller's.
        let cookie = self.private.iter().any(|(name, _)| *name == COOKIE);
        for (name, value) in request.headers.iter().filter(|(name, _)| !cookie || name != COOKIE.as_str()) {
            // One character is one byte, as in the evidence.
            let bytes: Vec<u8> = value.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
            builder = builder.header(name, bytes);
        }
        for (name, value) in &self.private {
            builder = builder.header(name, value);
        }
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let peer = Peer { place: base.authority(), within: self.timeout };
        let deadline = Instant::now() + self.timeout + MOMENT;
        let mut received = peer.await_until(deadline, Phase::Head, builder.send()).await?;
        let status = received.status().as_u16();
        let headers = received.headers().iter().map(|(name, value)| {
            let text: String = value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
            (
                name.as_str().to_owned(),
                redact::header(name.as_str(), &redact::without(&text, &self.confidential)),
            )
        });
        let headers: Vec<(String, String)> = headers.collect();
        let mut body = Vec::new();
        while let Some(chunk) = peer.await_until(deadline, Phase::Body, received.chunk()).await? {
            body.extend_from_slice(&chunk[..chunk.len().min(Response::LONGEST_BODY - body.len())]);
            if body.len() == Response::LONGEST_BODY {
                break;
            }
        }
        let mut response = Response { status, headers, body: String::new() };
        if response.list("content-encoding") == ["gzip"] {
            body = gunzip(&body);
        }
        response.body = redact::without(&String::from_utf8_lossy(&body), &self.confidential);
        Ok(response)
    }
}

impl Peer<'_> {
    /// The library's answer within this time.
    async fn await_until<T>(
        self,
        deadline: Instant,
        phase: Phase,
        work: impl Future<Output = reqwest::Result<T>>,
    ) -> Result<T, Missing> {
        match timeout_at(deadline, work).await {
            Ok(done) => done.map_err(|error| self.asked(&error, phase)),
            Err(_) => Err(self.late(phase)),
        }
    }
}

/// Whether the connection failed in a way that may be temporary.
const fn never_connected(why: &Missing) -> bool {
    matches!(
        why,
        Missing::Refused { .. } | Missing::Unreachable { .. } | Missing::Tls { why: TlsFailure::Closed, .. }
    )
}

/// The addresses of a host, at least one.
pub(super) async fn lookup(host: &str, port: u16) -> Result<Vec<SocketAddr>, Unresolved> {
    let addresses = tokio::net::lookup_host((host, port)).await;
    let addresses: Vec<SocketAddr> = addresses.map(Iterator::collect).unwrap_or_default();
    if addresses.is_empty() { Err(Unresolved(host.to_owned())) } else { Ok(addresses) }
}

/// The system's resolver, with an error type of its own.
struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let addresses = lookup(name.as_str(), 0).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// The decoded content, up to the kept length; empty if it is not gzip (RFC 1952).
fn gunzip(body: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    let mut decoder = MultiGzDecoder::new(body).take(Response::LONGEST_BODY as u64);
    // A truncated body has no end; the bytes that arrived count.
    let whole = decoder.read_to_end(&mut content).is_ok() || body.len() == Response::LONGEST_BODY;
    if whole { content } else { Vec::new() }
}

/// The settings of every client.
fn common(timeout: Duration, tls: ClientConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .referer(false)
        // Edges refuse requests without a User-Agent.
        .user_agent(USER_AGENT)
        .pool_idle_timeout(LONGEST_IDLE)
        .redirect(reqwest::redirect::Policy::none())
        .dns_resolver(Arc::new(Resolver))
        .connect_timeout(timeout)
}

pub(super) fn with_protocols(tls: &ClientConfig, protocols: &[&[u8]]) -> ClientConfig {
    let mut tls = tls.clone();
    tls.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    tls
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_is_undone_and_what_is_none_leaves_nothing() {
        assert_eq!(gunzip(&gzip(b"{}")), b"{}");
        assert_eq!(gunzip(b"{}"), b"");
        let cut = gzip(b"a body that broke off on the way");
        assert_eq!(gunzip(&cut[..cut.len() / 2]), b"");
    }

    #[test]
    fn a_bomb_is_cut_like_every_endless_body() {
        let bomb = gzip(&vec![0; 10 * Response::LONGEST_BODY]);
        assert_eq!(gunzip(&bomb).len(), Response::LONGEST_BODY);
    }
}
