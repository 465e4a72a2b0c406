//! What a deployment promises: every setting of a profile, its meaning and its unit.
//!
//! A doc comment here is the manual: SETTINGS.md and `profile.schema.json` are generated from it.
#![allow(clippy::doc_markdown, reason = "the manual's readers know PostgreSQL by its name, not as code")]

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CheckId, Duration, FieldName, Method, Network, Origin, Path, Size, Variable};

/// How one deployment of a backend must behave. Every setting is stated: there are no silent defaults.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Which environment this is; `/health` reports it.
    pub environment: Environment,
    pub server: Server,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ClientIp")]
    pub client_ip: Option<ClientIp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Metrics")]
    pub metrics: Option<Metrics>,
    pub health: Health,
    pub cors: Cors,
    pub database: Database,
    pub pool: Pool,
    pub secrets: Secrets,
    pub platform: Platform,
    pub deployment: Deployment,
    pub edge: Edge,
    pub load: Load,
    pub drill: Drill,
    pub verify: Verify,
    pub launch: Launch,
    /// Checks that may fail until a day, each with its reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<Waiver>,
}

/// Which environment a profile describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Environment {
    /// A developer's machine: readable logs, origins on localhost.
    Development,
    /// What users reach: the strict rules apply.
    Production,
}

/// Where the service listens, and how much of one client's time and data it accepts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The address to bind. `::` means every address, IPv6 and IPv4, and falls back to `0.0.0.0` where IPv6 is absent.
    #[schemars(with = "String", extend("format" = "IP address", "examples" = ["::"]))]
    pub address: std::net::IpAddr,
    /// The TCP port; the environment variable `PORT` wins, and production requires that variable.
    #[schemars(range(min = 1), extend("examples" = [8080]))]
    pub port: u16,
    /// Whether `/docs` and `/openapi.json` exist. Hidden, they are a plain 404.
    pub docs: Docs,
    /// The longest a handler may take before the answer is 503.
    pub request_timeout: Duration,
    /// The longest a client may take to send a request's head, from its first byte, and to begin the first one on a
    /// new connection; then the connection is closed.
    pub header_timeout: Duration,
    /// The longest a client may take to send a request's body; then the answer is 408.
    pub body_timeout: Duration,
    /// The longest a client may take to read an answer, once it does not keep up; then the connection is closed.
    pub write_timeout: Duration,
    /// The longest an open connection may wait for its next request. Longer than what a proxy in front keeps idle
    /// connections for: else it sends a request just as the connection closes.
    #[schemars(extend("examples" = ["75s"]))]
    pub keep_alive_timeout: Duration,
    /// The longest the service takes to end after SIGTERM; what is still running then is cut.
    pub drain_timeout: Duration,
    /// The largest request body, in bytes; more is 413.
    pub body_limit: Size,
    /// The largest request head, in bytes; more is 431. At least 8 KiB, the read buffer.
    #[schemars(extend("examples" = ["32KiB"]))]
    pub header_limit: Size,
    /// The longest request target (path and query), in bytes; more is 414. RFC 9110 section 4.1 asks for 8000 at least.
    #[schemars(extend("examples" = ["8KiB"]))]
    pub uri_limit: Size,
    /// Connections that are open at once; more wait in the system's queue until one closes. The start is refused where
    /// the process may not open so many files.
    #[schemars(range(min = 1, max = 1_000_000), extend("examples" = [10_000]))]
    pub max_connections: u32,
    /// Requests that are handled at once; more are answered 503 with `Retry-After`. The health paths are exempt.
    #[schemars(range(min = 1, max = 1_000_000), extend("examples" = [1_000]))]
    pub max_requests: u32,
}

/// Whether the API's documentation can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Docs {
    /// `/docs` and `/openapi.json` answer like any unknown path.
    Hidden,
    /// `/docs` and `/openapi.json` are served.
    Shown,
}

/// Who a request is from, where a proxy stands in front. Left out, it is from the connection's own address.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientIp {
    /// The header in which the proxy names its client, as one IP address.
    #[schemars(extend("examples" = ["x-real-ip"]))]
    pub header: FieldName,
    /// The proxies' own addresses. Only their connections are believed: this header, and the header that names a request.
    #[schemars(extend("uniqueItems" = true))]
    pub trusted: Vec<Network>,
}

/// A second listener that answers `GET /metrics` in the Prometheus text format. Left out, there is none.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// The address to bind. In production it is private or this machine's own.
    #[schemars(with = "String", extend("format" = "IP address", "examples" = ["127.0.0.1"]))]
    pub address: std::net::IpAddr,
    /// The TCP port; another than the service's.
    #[schemars(range(min = 1), extend("examples" = [9090]))]
    pub port: u16,
}

/// The deep health check: a real query through the pool.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// Where the deep health check answers.
    pub path: Path,
    /// The longest the check may take, waiting, connecting and querying together; then it answers 503.
    #[schemars(extend("examples" = ["2s"]))]
    pub budget: Duration,
    /// What the check's answer says beyond its status.
    pub contract: Contract,
}

/// What the health check's answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Contract {
    /// JSON with `status`, `database`, `environment` and `timestamp`: `specs/004-backend-deployment/contracts/health-check.yaml`.
    Full,
    /// Its status only: 200 is healthy, whatever the body.
    Status,
}

/// Which pages may read responses (Fetch, CORS protocol).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cors {
    /// The exact origins of the front ends. No wildcards: each is compared byte for byte.
    #[schemars(extend("uniqueItems" = true))]
    pub origins: Vec<Origin>,
    /// Methods that pages may use. GET, HEAD and POST need no preflight and cannot be withheld by CORS.
    #[schemars(extend("uniqueItems" = true, "examples" = [["GET", "POST", "PUT", "PATCH", "DELETE"]]))]
    pub methods: Vec<Method>,
    /// Request headers that pages may send beyond the CORS-safelisted ones.
    #[schemars(extend("uniqueItems" = true, "examples" = [["authorization", "content-type"]]))]
    pub request_headers: Vec<FieldName>,
    /// Response headers that pages may read beyond the CORS-safelisted ones.
    #[schemars(extend("uniqueItems" = true, "examples" = [["x-request-id"]]))]
    pub exposed_headers: Vec<FieldName>,
    /// Whether pages may send cookies and HTTP authentication.
    #[schemars(extend("examples" = [true]))]
    pub credentials: bool,
    /// How long a browser may remember a preflight: from 1s to 24h (Firefox's limit; Chromium keeps 2h).
    #[schemars(extend("examples" = ["10m"]))]
    pub max_age: Duration,
}

/// How the database is reached. The URL itself is a secret and stays in the environment.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// The environment variable that holds the connection URL.
    pub url_variable: Variable,
    /// Where TLS is required. It can never be switched off for a remote host.
    pub tls: TlsPolicy,
    /// What stands between the service and PostgreSQL.
    pub pool_mode: PoolMode,
}

/// Where the connection to the database must use TLS with a verified certificate chain and host name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TlsPolicy {
    /// To every host, this machine included.
    Always,
    /// To every host but this machine's loopback addresses.
    OutsideLoopback,
}

/// How a pooler between the service and PostgreSQL hands out server connections (PgBouncer's `pool_mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PoolMode {
    /// No pooler: the service talks to PostgreSQL itself.
    Direct,
    /// A server connection for as long as the client stays.
    Session,
    /// A server connection for one transaction: no session state survives (Neon's `-pooler` hosts).
    Transaction,
}

/// The service's own pool of database connections.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// Connections that are kept.
    #[schemars(range(min = 1, max = 10_000), extend("examples" = [10]))]
    pub size: u32,
    /// Connections opened beyond `size` under load, and closed within seconds when they are idle again.
    #[schemars(range(max = 10_000), extend("examples" = [2]))]
    pub overflow: u32,
    /// The longest a request waits for a connection.
    #[schemars(extend("examples" = ["2s"]))]
    pub acquire_timeout: Duration,
    /// The longest opening a connection may take: TCP, TLS and authentication, with all attempts and the pauses
    /// between them. One attempt takes at most half of it.
    #[schemars(extend("examples" = ["8s"]))]
    pub create_timeout: Duration,
    /// Connections that are opened at the same time, so that a database that wakes is not met by the whole pool.
    #[schemars(range(min = 1, max = 10_000), extend("examples" = [4]))]
    pub create_limit: u32,
    /// A connection idle for longer than this is pinged before it is handed out.
    #[schemars(extend("examples" = ["5s"]))]
    pub ping_after: Duration,
    /// The age at which a connection is replaced at the latest; each somewhat earlier, by up to a fifth, so that
    /// a pool is never replaced all at once.
    #[schemars(extend("examples" = ["1h"]))]
    pub recycle_after: Duration,
    /// Idle connections are closed after this, so that a serverless database can suspend.
    #[schemars(extend("examples" = ["4m"]))]
    pub idle_trim: Duration,
}

/// What must come from the environment.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// Environment variables without which the service refuses to start: missing, empty and placeholder values alike.
    #[schemars(extend("uniqueItems" = true))]
    pub required: Vec<Variable>,
}

/// Facts about the platform that the settings above must fit.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// How many instances run at once; a deploy briefly doubles it.
    #[schemars(range(min = 1, max = 1_000))]
    pub replicas: u32,
    /// The time between SIGTERM and SIGKILL. Railway grants 0 s unless `RAILWAY_DEPLOYMENT_DRAINING_SECONDS` is set.
    #[schemars(extend("examples" = ["15s"]))]
    pub drain_granted: Duration,
    /// The database's `max_connections`.
    #[schemars(range(min = 1, max = 262_143), extend("examples" = [104]))]
    pub database_connections: u32,
    /// How many of those the database keeps for itself (Neon: 7; PostgreSQL's `superuser_reserved_connections`: 3).
    #[schemars(range(max = 262_143), extend("examples" = [7]))]
    pub database_reserved: u32,
}

/// The deployment that `verify` holds against this profile.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// Scheme, host and port of the live service; `verify --url` wins.
    #[schemars(extend("examples" = ["https://api.example.com"]))]
    pub url: Origin,
    /// The response header that names the running release, compared with `verify --expect-release`; where every answer of
    /// the service has it, it tells them from those of a platform's edge or a proxy.
    #[schemars(extend("examples" = ["x-release"]))]
    pub release_header: FieldName,
    /// The response header that names each request. Left out where the service has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "FieldName", extend("examples" = ["x-request-id"]))]
    pub request_id_header: Option<FieldName>,
}

/// What stands before the service on its public address: TLS, HTTP versions and port 80.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// What a request without TLS to port 80 of an `https` deployment is answered.
    pub plain_http: PlainHttp,
    /// Whether HTTP/2 is offered in the TLS handshake (ALPN).
    pub http2: Http2,
    /// The fewest days that the certificate must still be valid; most platforms renew at 30.
    #[schemars(range(min = 1, max = 365), extend("examples" = [14]))]
    pub certificate_days: u32,
    /// How long browsers must not use plain HTTP: `max-age` of `Strict-Transport-Security`. Left out where that is not promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Duration", extend("examples" = ["365d"]))]
    pub hsts: Option<Duration>,
}

/// What becomes of a request without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlainHttp {
    /// It is redirected to the same path over `https`.
    Redirect,
    /// It is refused with a 4xx.
    Refuse,
    /// Nobody listens.
    Closed,
}

/// Whether HTTP/2 is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Http2 {
    /// `h2` is accepted in the TLS handshake, and requests are answered over it.
    Offered,
    /// `h2` is not accepted.
    Absent,
}

/// How the service behaves when many ask at once.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// How many connections ask the health path at the same instant; all must be answered.
    #[schemars(range(min = 1, max = 1_000), extend("examples" = [100]))]
    pub burst: u32,
    /// The slowest answer of the quicker half of such a burst.
    #[schemars(extend("examples" = ["500ms"]))]
    pub p50: Duration,
    /// The slowest answer of 95 in 100.
    #[schemars(extend("examples" = ["1s"]))]
    pub p95: Duration,
    /// The slowest answer of 99 in 100.
    #[schemars(extend("examples" = ["2s"]))]
    pub p99: Duration,
    /// How many requests a minute one client may send before it is answered 429; the health path is exempt. Left out where no limit is promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32", range(min = 1, max = 10_000), extend("examples" = [600]))]
    pub rate_limit: Option<u32>,
}

/// What `verify drill` may ask of a release candidate beyond its health check.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drill {
    /// Paths whose GET asks the database, through the pool that requests share.
    #[schemars(extend("uniqueItems" = true, "examples" = [["/api/items"]]))]
    pub reads: Vec<Path>,
    /// Paths whose POST takes JSON.
    #[schemars(extend("uniqueItems" = true, "examples" = [["/api/items"]]))]
    pub writes: Vec<Path>,
    /// The longest until the service is healthy again once its database is, without a restart.
    #[schemars(extend("examples" = ["10s"]))]
    pub recovery: Duration,
}

/// What `verify` checks, and how much traffic it may cause.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// The families of checks whose promises this deployment makes; the others are not applicable.
    #[schemars(extend("uniqueItems" = true, "examples" = [["run", "cors", "health", "exposure", "errors", "method", "http1", "http2", "tls", "headers", "load", "drill"]]))]
    pub families: Vec<Family>,
    /// The format of error responses.
    pub errors: ErrorFormat,
    /// Where the documentation is when `server.docs` shows it; hidden, these are asked beside the usual places.
    #[schemars(extend("uniqueItems" = true, "examples" = [["/docs", "/openapi.json"]]))]
    pub docs: Vec<Path>,
    /// The longest `verify` waits for one answer.
    #[schemars(extend("examples" = ["5s"]))]
    pub timeout: Duration,
    /// The slowest healthy answer of the health check.
    #[schemars(extend("examples" = ["2s"]))]
    pub health_latency: Duration,
    /// How far the deployment's clock may differ from ours.
    #[schemars(extend("examples" = ["30s"]))]
    pub clock_skew: Duration,
    /// The most requests one run may send.
    #[schemars(range(min = 1, max = 100_000), extend("examples" = [500]))]
    pub requests: u32,
    /// The most requests in one second. Targets on this machine (loopback) are not slowed.
    #[schemars(range(min = 1, max = 10_000), extend("examples" = [20]))]
    pub requests_per_second: u32,
    /// The most requests under way at once.
    #[schemars(range(min = 1, max = 256), extend("examples" = [8]))]
    pub concurrency: u32,
}

/// A family of checks; see CHECKS.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// The target answers, and its answers can be judged.
    Run,
    /// Who may read responses, and who may not.
    Cors,
    /// The health check tells the truth.
    Health,
    /// Nothing is public that should not be.
    Exposure,
    /// Errors are well formed and leak nothing.
    Errors,
    /// Methods mean what RFC 9110 says.
    Method,
    /// HTTP/1.1 on the wire: framing, Host, limits, slow senders. Most need `--intrusive` or `--launch`.
    Http1,
    /// HTTP/2 as declared.
    Http2,
    /// Certificates, protocol versions and plain HTTP.
    Tls,
    /// Security headers, cookies and encodings.
    Headers,
    /// Bursts and rate limits, with `--intrusive` or `--launch`; the bound of the pool, with `verify drill`.
    Load,
    /// Faults on purpose: the database, the start and the end of a release candidate. They need `verify drill`.
    Drill,
}

/// The declared format of error responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorFormat {
    /// `application/problem+json` (RFC 9457).
    ProblemJson,
    /// Any JSON, such as FastAPI's `{"detail": …}`.
    Json,
    /// No promise.
    Any,
}

/// How `verify --launch` builds and starts a release candidate. Argument lists, run from the repository's root.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Launch {
    /// The command that builds the candidate; empty where nothing is to be built.
    #[schemars(extend("examples" = [["cargo", "build", "--release"]]))]
    pub build: Vec<String>,
    /// The command that starts the candidate; it must listen on the environment variable `PORT`.
    #[schemars(length(min = 1), extend("examples" = [["./bin/server", "--profile", "production"]]))]
    pub command: Vec<String>,
    /// The longest the candidate may take from its start to its first answer.
    #[schemars(extend("examples" = ["60s"]))]
    pub ready: Duration,
}

/// A check that may fail until a day.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The check's id, or a family's.
    pub check: CheckId,
    /// Why the failure is accepted for now.
    #[schemars(length(min = 1), extend("examples" = ["why the failure is accepted for now"]))]
    pub reason: String,
    /// The last day of the waiver, such as `"2026-12-31"`; afterwards the check counts again.
    #[schemars(with = "String", extend("format" = "date", "pattern" = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "examples" = ["2026-12-31"]))]
    pub expires: Date,
}

impl Environment {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
        }
    }
}

impl Pool {
    /// The most connections that requests ever hold.
    pub const fn most(&self) -> u32 {
        self.size + self.overflow
    }

    /// The most connections that the database ever sees of one instance: the health check may hold one more, so
    /// that it can tell a busy pool from a dead database.
    pub const fn seen(&self) -> u32 {
        self.most() + 1
    }
}
