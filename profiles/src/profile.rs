//! Every setting of a profile: its meaning, unit and range.
//!
//! A doc comment here is the manual: SETTINGS.md and `profile.schema.json` are generated from it.
#![allow(clippy::doc_markdown, reason = "the manual names PostgreSQL as prose, not as code")]

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CheckId, Delay, Duration, FieldName, Method, Network, Origin, Path, Size, Variable};

/// How one deployment of a backend must behave. Every setting is stated: there are no silent defaults.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The environment that the profile describes; `/health` reports it.
    pub environment: Environment,
    pub server: Server,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "ClientIp")]
    pub client_ip: Option<ClientIp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Metrics")]
    pub metrics: Option<Metrics>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Limits")]
    pub limits: Option<Limits>,
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
    /// Checks that may fail until a date, each with its reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<Waiver>,
}

/// The environment that a profile describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Environment {
    /// A developer's machine: readable logs, origins on localhost.
    Development,
    /// The deployment that users reach: the strict rules apply.
    Production,
}

/// The service's address and its limits for time, size and load.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The address to bind. `::` means every IPv6 and IPv4 address; without IPv6 it is `0.0.0.0`.
    #[schemars(with = "String", extend("format" = "IP address", "examples" = ["::"]))]
    pub address: std::net::IpAddr,
    /// The TCP port. The environment variable `PORT` overrides it, and production requires that variable.
    #[schemars(range(min = 1), extend("examples" = [8080]))]
    pub port: u16,
    /// Whether `/docs` and `/openapi.json` are served.
    pub docs: Docs,
    /// The longest a handler may take; then the answer is 503.
    pub request_timeout: Duration,
    /// The longest from the first byte of a request's head to its last, and from a new connection to the first byte;
    /// then the connection is closed.
    pub header_timeout: Duration,
    /// The longest a client may take to send a request's body; then the answer is 408.
    pub body_timeout: Duration,
    /// The longest an answer may wait for a client that reads too slowly; then the connection is closed.
    pub write_timeout: Duration,
    /// The longest an open connection may wait for its next request. It must exceed the idle timeout of the proxy in
    /// front: otherwise the proxy sends a request just as the connection closes.
    #[schemars(extend("examples" = ["75s"]))]
    pub keep_alive_timeout: Duration,
    /// The longest the drain takes: from SIGTERM, or from the end of `limits.lame_duck`. What is still running then is cut.
    pub drain_timeout: Duration,
    /// The largest request body, in bytes; more is 413.
    pub body_limit: Size,
    /// The largest request head, in bytes; more is 431. At least 8 KiB, the read buffer.
    #[schemars(extend("examples" = ["32KiB"]))]
    pub header_limit: Size,
    /// The longest request target (path and query), in bytes; more is 414. RFC 9110 section 4.1 asks for 8000 at least.
    #[schemars(extend("examples" = ["8KiB"]))]
    pub uri_limit: Size,
    /// The most connections that are open at once. For one more the connection that has waited longest for its client is
    /// closed; if none waits, a health path is still answered, and every other request is 503. 256 are in excess at most,
    /// others wait in the kernel backlog. The start is refused if the process may not open so many files.
    #[schemars(range(min = 1, max = 1_000_000), extend("examples" = [10_000]))]
    pub max_connections: u32,
    /// The most requests that are handled at once; excess requests are answered 503 with `Retry-After`. The health paths
    /// are exempt.
    #[schemars(range(min = 1, max = 1_000_000), extend("examples" = [1_000]))]
    pub max_requests: u32,
}

/// Whether the API's documentation is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Docs {
    /// `/docs` and `/openapi.json` answer like any unknown path.
    Hidden,
    /// `/docs` and `/openapi.json` are served.
    Shown,
}

/// How the service learns a client's address behind a proxy. Left out, it is the connection's peer address.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientIp {
    /// The header in which the proxy writes the client's IP address.
    #[schemars(extend("examples" = ["x-real-ip"]))]
    pub header: FieldName,
    /// The proxies' addresses. `header` and a request id are read from their connections only.
    #[schemars(extend("uniqueItems" = true))]
    pub trusted: Vec<Network>,
}

/// A second listener that answers `GET /metrics` in the Prometheus text format. Left out, there is none.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// The address to bind; in production a private or loopback address.
    #[schemars(with = "String", extend("format" = "IP address", "examples" = ["127.0.0.1"]))]
    pub address: std::net::IpAddr,
    /// The TCP port; it differs from `server.port`.
    #[schemars(range(min = 1), extend("examples" = [9090]))]
    pub port: u16,
}

/// Bounds that the service keeps to. Left out, each is as its setting says.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// How long after SIGTERM everything is still served, new connections too, while `/readyz` already fails; then the
    /// drain begins. As long as a load balancer may take to notice: on Kubernetes the signal comes before the endpoint
    /// is withdrawn everywhere, so a few seconds. Railway asks no health path of a release that is live, and keeps an
    /// old one for `RAILWAY_DEPLOYMENT_OVERLAP_SECONDS` before it sends SIGTERM: set that, and `"0s"` here
    /// (docs.railway.com/deployments/healthchecks, docs.railway.com/deployments/deployment-teardown). Left out, none.
    pub lame_duck: Delay,
}

/// The deep health check: a query through the pool.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// The path of the deep health check.
    pub path: Path,
    /// The longest the check may take to wait, connect and query together; then it answers 503.
    #[schemars(extend("examples" = ["2s"]))]
    pub budget: Duration,
    /// The form of the check's answer.
    pub contract: Contract,
    /// Whether the check fails as well where the database takes no writes: a standby, or one that its platform has made
    /// read-only. It asks to write and writes nothing, so a full disk is not seen. `false` for a
    /// service that is of use to its readers. Left out, writes are not promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool", extend("examples" = [true]))]
    pub writes: Option<bool>,
}

/// The form of the health check's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Contract {
    /// JSON with `status`, `database`, `environment` and `timestamp`: `specs/004-backend-deployment/contracts/health-check.yaml`.
    Full,
    /// The status only: 200 is healthy, with any body.
    Status,
}

/// The pages that may read responses (Fetch, CORS protocol).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cors {
    /// The exact origins of the front ends, compared byte for byte. There are no wildcards.
    #[schemars(extend("uniqueItems" = true))]
    pub origins: Vec<Origin>,
    /// The methods that pages may use. CORS cannot withhold GET, HEAD and POST: they need no preflight.
    #[schemars(extend("uniqueItems" = true, "examples" = [["GET", "POST", "PUT", "PATCH", "DELETE"]]))]
    pub methods: Vec<Method>,
    /// The request headers that pages may send besides the CORS-safelisted ones.
    #[schemars(extend("uniqueItems" = true, "examples" = [["authorization", "content-type"]]))]
    pub request_headers: Vec<FieldName>,
    /// The response headers that pages may read besides the CORS-safelisted ones.
    #[schemars(extend("uniqueItems" = true, "examples" = [["x-request-id"]]))]
    pub exposed_headers: Vec<FieldName>,
    /// Whether pages may send cookies and HTTP authentication.
    #[schemars(extend("examples" = [true]))]
    pub credentials: bool,
    /// How long a browser may cache a preflight, from 1s to 24h. Firefox caps it at 24h, Chromium at 2h.
    #[schemars(extend("examples" = ["10m"]))]
    pub max_age: Duration,
}

/// How the service reaches the database. The URL is a secret and stays in the environment.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// The environment variable that holds the connection URL.
    pub url_variable: Variable,
    /// Where TLS is required. A remote host always requires it.
    pub tls: TlsPolicy,
    /// The mode of the pooler between the service and PostgreSQL.
    pub pool_mode: PoolMode,
}

/// Which connections to the database must use TLS with a verified certificate chain and host name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TlsPolicy {
    /// Connections to every host, loopback included.
    Always,
    /// Connections to every host except loopback addresses.
    OutsideLoopback,
}

/// How long a pooler assigns a server connection to a client (PgBouncer's `pool_mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PoolMode {
    /// There is no pooler: the service connects to PostgreSQL directly.
    Direct,
    /// For the client's whole connection.
    Session,
    /// For one transaction: no session state survives it (Neon's `-pooler` hosts).
    Transaction,
}

/// The service's pool of database connections.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pool {
    /// The most connections that are kept open.
    #[schemars(range(min = 1, max = 10_000), extend("examples" = [10]))]
    pub size: u32,
    /// The most connections that load opens beyond `size`; idle ones among them are closed within seconds.
    #[schemars(range(max = 10_000), extend("examples" = [2]))]
    pub overflow: u32,
    /// The longest a request waits for a connection.
    #[schemars(extend("examples" = ["2s"]))]
    pub acquire_timeout: Duration,
    /// The longest that opening a connection may take (TCP, TLS, authentication), with all attempts and the pauses
    /// between them. One attempt takes at most half of it.
    #[schemars(extend("examples" = ["8s"]))]
    pub create_timeout: Duration,
    /// The most connections that are opened at the same time: a database that wakes must not meet the whole pool.
    #[schemars(range(min = 1, max = 10_000), extend("examples" = [4]))]
    pub create_limit: u32,
    /// A connection that was idle for longer is pinged before a request uses it.
    #[schemars(extend("examples" = ["5s"]))]
    pub ping_after: Duration,
    /// The greatest age of a connection. Each is replaced up to a fifth earlier, so that a pool is not replaced all at
    /// once.
    #[schemars(extend("examples" = ["1h"]))]
    pub recycle_after: Duration,
    /// A connection that was idle for this long is closed, so that a serverless database can suspend.
    #[schemars(extend("examples" = ["4m"]))]
    pub idle_trim: Duration,
}

/// The environment variables that the service needs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// The variables that must be set: the service refuses to start with a missing, empty or placeholder value.
    #[schemars(extend("uniqueItems" = true))]
    pub required: Vec<Variable>,
}

/// Facts about the platform; other settings must fit them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    /// How many instances run at once. A deploy briefly doubles the number.
    #[schemars(range(min = 1, max = 1_000))]
    pub replicas: u32,
    /// The time between SIGTERM and SIGKILL. Railway grants 0 s unless `RAILWAY_DEPLOYMENT_DRAINING_SECONDS` is set.
    #[schemars(extend("examples" = ["15s"]))]
    pub drain_granted: Duration,
    /// The database's `max_connections`.
    #[schemars(range(min = 1, max = 262_143), extend("examples" = [104]))]
    pub database_connections: u32,
    /// How many of them the database reserves (Neon: 7; PostgreSQL's `superuser_reserved_connections`: 3).
    #[schemars(range(max = 262_143), extend("examples" = [7]))]
    pub database_reserved: u32,
}

/// The deployment that `verify` checks against this profile.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// Scheme, host and port of the live service. `verify --url` overrides it.
    #[schemars(extend("examples" = ["https://api.example.com"]))]
    pub url: Origin,
    /// The response header that names the running release. `verify --expect-release` compares it; if every answer of the
    /// service has it, an answer without it is from a proxy or the platform's edge.
    #[schemars(extend("examples" = ["x-release"]))]
    pub release_header: FieldName,
    /// The response header that identifies each request. Leave it out if the service has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "FieldName", extend("examples" = ["x-request-id"]))]
    pub request_id_header: Option<FieldName>,
}

/// The public side of the deployment: TLS, HTTP versions and port 80.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// How port 80 of an `https` deployment answers a request without TLS.
    pub plain_http: PlainHttp,
    /// Whether HTTP/2 is offered in the TLS handshake (ALPN).
    pub http2: Http2,
    /// The fewest days for which the certificate must still be valid. Most platforms renew at 30.
    #[schemars(range(min = 1, max = 365), extend("examples" = [14]))]
    pub certificate_days: u32,
    /// The `max-age` of `Strict-Transport-Security`: how long browsers must not use plain HTTP. Leave it out to promise
    /// nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Duration", extend("examples" = ["365d"]))]
    pub hsts: Option<Duration>,
}

/// The answer to a request without TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlainHttp {
    /// A redirect to the same path over `https`.
    Redirect,
    /// A 4xx.
    Refuse,
    /// None: nothing listens on the port.
    Closed,
}

/// Whether HTTP/2 is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Http2 {
    /// The TLS handshake accepts `h2`, and requests are answered over it.
    Offered,
    /// The TLS handshake does not accept `h2`.
    Absent,
}

/// How the service behaves under load.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// How many connections request the health path at the same instant. All must be answered.
    #[schemars(range(min = 1, max = 1_000), extend("examples" = [100]))]
    pub burst: u32,
    /// The longest that the median answer of a burst may take.
    #[schemars(extend("examples" = ["500ms"]))]
    pub p50: Duration,
    /// The longest that 95 of 100 answers may take.
    #[schemars(extend("examples" = ["1s"]))]
    pub p95: Duration,
    /// The longest that 99 of 100 answers may take.
    #[schemars(extend("examples" = ["2s"]))]
    pub p99: Duration,
    /// The most requests per minute from one client; excess requests are answered 429. The health path is exempt. Leave it
    /// out to promise no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32", range(min = 1, max = 10_000), extend("examples" = [600]))]
    pub rate_limit: Option<u32>,
}

/// The routes and times that `verify drill` needs besides the health check.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Drill {
    /// Paths whose GET queries the database through the pool that requests share.
    #[schemars(extend("uniqueItems" = true, "examples" = [["/api/items"]]))]
    pub reads: Vec<Path>,
    /// Paths whose POST accepts JSON.
    #[schemars(extend("uniqueItems" = true, "examples" = [["/api/items"]]))]
    pub writes: Vec<Path>,
    /// The longest from the recovery of the database to a healthy service, without a restart.
    #[schemars(extend("examples" = ["10s"]))]
    pub recovery: Duration,
}

/// What `verify` checks, and how much traffic it may send.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// The families of checks whose promises this deployment makes. All other families are not applicable.
    #[schemars(extend("uniqueItems" = true, "examples" = [["run", "cors", "health", "exposure", "errors", "method", "http1", "http2", "tls", "headers", "load", "drill"]]))]
    pub families: Vec<Family>,
    /// The format of error responses.
    pub errors: ErrorFormat,
    /// The paths of the documentation. If `server.docs` is `"hidden"`, they must not exist, nor must the usual paths.
    #[schemars(extend("uniqueItems" = true, "examples" = [["/docs", "/openapi.json"]]))]
    pub docs: Vec<Path>,
    /// The longest `verify` waits for one answer.
    #[schemars(extend("examples" = ["5s"]))]
    pub timeout: Duration,
    /// The longest that a healthy answer of the health check may take.
    #[schemars(extend("examples" = ["2s"]))]
    pub health_latency: Duration,
    /// How far the deployment's clock may differ from the verifier's.
    #[schemars(extend("examples" = ["30s"]))]
    pub clock_skew: Duration,
    /// The most requests that one run may send.
    #[schemars(range(min = 1, max = 100_000), extend("examples" = [500]))]
    pub requests: u32,
    /// The most requests per second. Loopback targets are exempt.
    #[schemars(range(min = 1, max = 10_000), extend("examples" = [20]))]
    pub requests_per_second: u32,
    /// The most requests in flight.
    #[schemars(range(min = 1, max = 256), extend("examples" = [8]))]
    pub concurrency: u32,
}

/// A family of checks; see CHECKS.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// The target answers, and `verify` can judge its answers.
    Run,
    /// The declared origins may read responses, and no others.
    Cors,
    /// The health check tells the truth.
    Health,
    /// No file, page or header exposes what must be private.
    Exposure,
    /// Errors are well formed and leak nothing.
    Errors,
    /// Methods behave as RFC 9110 says.
    Method,
    /// HTTP/1.1 on the wire: framing, Host, limits, slow senders. Most checks need `--intrusive` or `--launch`.
    Http1,
    /// HTTP/2 as declared.
    Http2,
    /// Certificates, protocol versions and plain HTTP.
    Tls,
    /// Security headers, cookies and encodings.
    Headers,
    /// Bursts and rate limits (with `--intrusive` or `--launch`), the bound of the pool (with `verify drill`).
    Load,
    /// A release candidate under faults of its database, its start and its end. The checks need `verify drill`.
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
    /// Any form: no promise.
    Any,
}

/// How `verify --launch` builds and starts a release candidate: commands as lists of arguments, run from the working
/// directory.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Launch {
    /// The command that builds the candidate; empty if there is nothing to build.
    #[schemars(extend("examples" = [["cargo", "build", "--release"]]))]
    pub build: Vec<String>,
    /// The command that starts the candidate, which must listen on the port in the environment variable `PORT`.
    #[schemars(length(min = 1), extend("examples" = [["./bin/server", "--profile", "production"]]))]
    pub command: Vec<String>,
    /// The longest from the candidate's start to its first answer.
    #[schemars(extend("examples" = ["60s"]))]
    pub ready: Duration,
}

/// A check that may fail until a date.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The id of a check or of a family.
    pub check: CheckId,
    /// Why the failure is accepted for now.
    #[schemars(length(min = 1), extend("examples" = ["why the failure is accepted for now"]))]
    pub reason: String,
    /// The last day of the waiver, such as `"2026-12-31"`. Then the check counts again.
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

impl Profile {
    /// How long everything is still served after SIGTERM.
    pub fn lame_duck(&self) -> Delay {
        self.limits.as_ref().map_or(Delay::NONE, |limits| limits.lame_duck)
    }
}

impl Pool {
    /// The longest that the service takes to close it once it has drained, with the statements that are still to be
    /// cancelled.
    pub const CLOSES_WITHIN: std::time::Duration = std::time::Duration::from_millis(1_200);

    /// The most connections that requests hold.
    pub const fn most(&self) -> u32 {
        self.size + self.overflow
    }

    /// The most connections of one instance: the health check may hold one more, so that it can tell a busy pool from
    /// a dead database.
    pub const fn seen(&self) -> u32 {
        self.most() + 1
    }
}
