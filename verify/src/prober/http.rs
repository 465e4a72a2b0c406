//! Requests through a client library: HTTP/1.1, no redirects followed, no proxy, no cookies kept.
#![allow(clippy::disallowed_methods, reason = "probing is I/O and takes time")]

use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use profiles::Origin;
use reqwest::header::{COOKIE, HeaderName, HeaderValue};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use url::Url;

use super::ProbeOptions;
use crate::model::exchange::{AddressKind, Answer, Means, NO_ADDRESS, Request, Response};
use crate::model::redact;

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

/// After this a connection is not asked on again. Servers close what is idle, some after a second or two, and a request
/// that crosses their close gets no answer: nobody could tell whose fault it was (RFC 9112 section 9.3.1).
const LONGEST_IDLE: Duration = Duration::from_millis(500);

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
        let tls = tls(options.ca.as_deref())?;
        // Between two steps of a drill a service may close an idle connection, and nobody could tell whose fault it was.
        let kept = if options.timeout.is_some() { 0 } else { usize::MAX };
        let usual = common(timeout, with_protocols(&tls, &[b"http/1.1"]))
            .http1_only()
            .pool_max_idle_per_host(kept)
            .build()
            .map_err(|error| ClientError::Setup(root_cause(&error)))?;
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

    /// The TLS settings for connections of our own, without a protocol yet.
    pub(super) const fn tls(&self) -> &ClientConfig {
        &self.tls
    }

    pub(super) fn private(&self) -> &[(HeaderName, HeaderValue)] {
        &self.private
    }

    pub(super) fn confidential(&self) -> &[String] {
        &self.confidential
    }

    /// Sends one request. Only a refused connection is tried again, once: nothing had been sent.
    pub(super) async fn send(&self, request: &Request) -> Answer {
        match self.client(&request.means).await {
            Ok((client, base)) => self.answer(&client, base, request).await,
            Err(why) => Answer::Missing(why),
        }
    }

    async fn answer(&self, client: &reqwest::Client, base: &Url, request: &Request) -> Answer {
        let mut result = self.attempt(client, base, request).await;
        if result.as_ref().is_err_and(reqwest::Error::is_connect) {
            tokio::time::sleep(Duration::from_millis(100)).await;
            result = self.attempt(client, base, request).await;
        }
        match result {
            Ok(response) => Answer::Received(response),
            Err(error) => Answer::Missing(self.explain(&error, base)),
        }
    }

    /// The library's client that sends by these means, and where to.
    async fn client(&self, means: &Means) -> Result<(reqwest::Client, &Url), String> {
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
        let client = builder.build().map_err(|error| root_cause(&error))?;
        Ok((client, &self.base))
    }

    async fn addresses(&self, kind: AddressKind) -> Result<Vec<SocketAddr>, String> {
        let port = self.target.port().unwrap_or(self.target.scheme().default_port());
        let host = self.target.host().to_string();
        let all = tokio::net::lookup_host((host.trim_matches(['[', ']']), port)).await;
        let all = all.map_err(|error| format!("could not resolve {host}: {error}"))?;
        let wanted: Vec<SocketAddr> =
            all.filter(|address| address.is_ipv4() == (kind == AddressKind::IPv4)).collect();
        if wanted.is_empty() { Err(format!("{NO_ADDRESS} {kind:?} address")) } else { Ok(wanted) }
    }

    async fn attempt(
        &self,
        client: &reqwest::Client,
        base: &Url,
        request: &Request,
    ) -> reqwest::Result<Response> {
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .expect("checks ask with method tokens: asserted in tests/catalogue.rs");
        let url =
            base.join(&request.path).expect("checks ask for absolute paths: asserted in tests/catalogue.rs");
        let mut builder = client.request(method, url);
        // A client sends one Cookie line (RFC 6265 section 5.4), and the caller's is the one that opens a preview.
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
        let mut received = builder.send().await?;
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
        while let Some(chunk) = received.chunk().await? {
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

    fn explain(&self, error: &reqwest::Error, base: &Url) -> String {
        let place = base.authority();
        if error.is_timeout() {
            return format!("no response from {place} within {:?}", self.timeout);
        }
        if error.is_connect() {
            return format!("could not connect to {place}: {}", root_cause(error));
        }
        format!("no usable answer from {place}: {}", root_cause(error))
    }
}

/// What was compressed, as far as it is kept; nothing where it is no gzip (RFC 1952).
fn gunzip(body: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    let mut decoder = MultiGzDecoder::new(body).take(Response::LONGEST_BODY as u64);
    // A body that was cut has no end; what had arrived of it counts.
    let whole = decoder.read_to_end(&mut content).is_ok() || body.len() == Response::LONGEST_BODY;
    if whole { content } else { Vec::new() }
}

/// Mozilla's roots and the given authority; ring is named because the process default may be another provider.
fn tls(ca: Option<&Path>) -> Result<ClientConfig, ClientError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca {
        let refuse = |why: String| ClientError::Ca { path: path.display().to_string(), why };
        let certificates = CertificateDer::pem_file_iter(path).map_err(|error| refuse(error.to_string()))?;
        let before = roots.len();
        for certificate in certificates {
            let certificate = certificate.map_err(|error| refuse(error.to_string()))?;
            roots.add(certificate).map_err(|error| refuse(error.to_string()))?;
        }
        if roots.len() == before {
            return Err(refuse("it holds no certificate".to_owned()));
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| ClientError::Setup(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// What every client of ours does and leaves undone.
fn common(timeout: Duration, tls: ClientConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .referer(false)
        // Edges turn away what does not say who it is.
        .user_agent(USER_AGENT)
        .pool_idle_timeout(LONGEST_IDLE)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(timeout)
}

pub(super) fn with_protocols(tls: &ClientConfig, protocols: &[&[u8]]) -> ClientConfig {
    let mut tls = tls.clone();
    tls.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    tls
}

/// The innermost error: the outer ones only say that a request failed.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string().to_lowercase()
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
