//! The second listener: its metrics, its clients and its lifetime.
#![expect(clippy::float_cmp, reason = "counts are whole numbers, which a float holds exactly")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::FutureExt as _;
use http::{Method, StatusCode};
use profiles::Declaration;
use server::{Handler, Reply, Route, RouteKind, Served, StartError};
use testkit::{Fault, FaultProxy, Port, Postgres};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use crate::support::{
    Answer, NO_DATABASE, Program, changed, get, production, raw, request, rest, send, serve, serve_with,
    until, until_ready,
};

/// The production profile with a second listener on loopback.
fn measured(changes: &[(&str, &str)]) -> (Declaration, SocketAddr) {
    let port = Port::take().unwrap();
    let table = format!("[metrics]\naddress = \"127.0.0.1\"\nport = {port}\n\n[health]");
    let changes: Vec<_> = changes.iter().copied().chain([("[health]", table.as_str())]).collect();
    (production(&changes), SocketAddr::from(([127, 0, 0, 1], port.number())))
}

/// The samples by name with labels, as written.
type Samples = BTreeMap<String, f64>;

async fn scrape(address: SocketAddr) -> Samples {
    let answer = get(address, "/metrics").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    parse(&answer.body)
}

/// The text format 0.0.4, read strictly: every family is described once and before its samples, every sample is new.
fn parse(text: &str) -> Samples {
    assert!(text.ends_with('\n') && !text.contains("\n\n"), "{text}");
    let (mut samples, mut kinds) = (Samples::new(), BTreeMap::new());
    let mut family = String::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            help.split_once(' ').unwrap_or_else(|| panic!("{line}")).0.clone_into(&mut family);
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert_eq!(name, family, "{line}");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{line}");
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("{line}"));
            for label in labels.split(',').filter(|label| !label.is_empty()) {
                let (key, value) = label.split_once('=').unwrap_or_else(|| panic!("{line}"));
                assert!(
                    is_name(key) && value.len() >= 2 && value.starts_with('"') && value.ends_with('"'),
                    "{line}"
                );
            }
            let histogram = kinds[&family] == "histogram";
            let suffix = name.strip_prefix(&family).unwrap_or_else(|| panic!("{family}: {line}"));
            let suffixes: &[&str] = if histogram { &["_bucket", "_sum", "_count"] } else { &[""] };
            assert!(is_name(name) && suffixes.contains(&suffix), "{line}");
            assert_eq!(kinds[&family] == "counter", family.ends_with("_total"), "{line}");
            assert!(samples.insert(series.to_owned(), value.parse().unwrap()).is_none(), "{line}");
        }
    }
    samples
}

fn is_name(text: &str) -> bool {
    text.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn duration(part: &str, method: &str, route: &str, status: u16) -> String {
    format!(
        "http_server_request_duration_seconds_{part}{{http_request_method=\"{method}\",http_route=\"{route}\",\
         http_response_status_code=\"{status}\"}}"
    )
}

#[tokio::test]
async fn requests_are_counted_by_method_route_and_status() {
    let (declaration, metrics) = measured(&[]);
    let service = serve(&declaration, NO_DATABASE).await;
    let address = service.local_addr();
    for (method, path, times) in [
        ("GET", "/livez", 3),
        ("HEAD", "/livez?token=planted", 1),
        ("POST", "/livez", 2),
        ("GET", "/nothing", 1),
        ("GET", "/planted", 1),
        ("BREW", "/livez", 1),
        ("PLANTED", "/livez", 1),
        ("GET", "/health", 1),
    ] {
        for _ in 0..times {
            send(address, method, path, &[]).await;
        }
    }
    let samples = scrape(metrics).await;
    for (method, route, status, count) in [
        ("GET", "/livez", 200, 3.0),
        ("HEAD", "/livez", 200, 1.0),
        ("POST", "/livez", 405, 2.0),
        ("GET", "", 404, 2.0),
        ("_OTHER", "/livez", 501, 2.0),
        ("GET", "/health", 503, 1.0),
    ] {
        assert_eq!(
            samples[&duration("count", method, route, status)],
            count,
            "{method} {route}: {samples:?}"
        );
        let sum = samples[&duration("sum", method, route, status)];
        assert!(sum > 0.0 && sum < 5.0 * count, "{method} {route}: {sum}");
        let last = duration("bucket", method, route, status).replace('}', ",le=\"+Inf\"}");
        assert_eq!(samples[&last], count);
    }
    let series = samples.keys().filter(|name| name.starts_with("http_server_request_duration_seconds_count"));
    assert_eq!(series.count(), 6, "{samples:?}");
    assert!(!format!("{samples:?}").to_lowercase().contains("planted"));
    assert_eq!(samples["health_verdicts_total{verdict=\"disconnected\"}"], 1.0);
}

#[tokio::test]
async fn the_service_and_its_pool_are_described() {
    let postgres = Postgres::start().unwrap();
    let (declaration, metrics) = measured(&[]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let release = "0123456789abcdef0123456789abcdef01234567";
    let environment = server::Environment::new([
        ("DATABASE_URL", postgres.url().as_str()),
        ("RAILWAY_GIT_COMMIT_SHA", release),
    ]);
    let service = server::start(&declaration, &environment, listener).unwrap();
    assert_eq!(get(service.local_addr(), "/health").await.status, 200);
    let samples = scrape(metrics).await;
    let build = format!(
        "server_build_info{{version=\"{}\",release=\"{release}\",environment=\"production\"}}",
        env!("CARGO_PKG_VERSION")
    );
    for (series, expected) in [
        ("db_client_connection_count{db_client_connection_state=\"idle\"}", 1.0),
        ("db_client_connection_count{db_client_connection_state=\"used\"}", 0.0),
        ("db_client_connection_max", 12.0),
        ("db_client_connection_pending_requests", 0.0),
        ("db_client_connection_created_total", 1.0),
        ("db_client_connection_checkouts_total", 1.0),
        ("db_client_connection_discarded_total", 0.0),
        ("health_verdicts_total{verdict=\"connected\"}", 1.0),
        ("health_verdicts_total{verdict=\"read-only\"}", 0.0),
        ("health_verdicts_total{verdict=\"disconnected\"}", 0.0),
        ("http_server_active_requests", 0.0),
        ("http_server_abandoned_requests_total", 0.0),
        ("http_server_malformed_requests_total", 0.0),
        ("http_server_shed_requests_total", 0.0),
        ("http_server_limited_requests_total", 0.0),
        ("server_accept_errors_total", 0.0),
        ("server_draining", 0.0),
        (&build, 1.0),
    ] {
        assert_eq!(samples[series], expected, "{series}: {samples:?}");
    }
    let now = jiff::Timestamp::now().as_duration().as_secs_f64();
    assert!((now - 60.0..=now).contains(&samples["process_start_time_seconds"]));
    let longest = samples["db_client_connection_longest_wait_seconds"];
    assert_eq!(longest, samples["db_client_connection_wait_seconds_total"]);
    assert!(longest > 0.0);
}

const WAIT: Route = Route {
    path: |_| "/wait/{ms}",
    methods: &[(
        Method::GET,
        Handler::Async(|context| {
            let ms = context.parameter("ms").and_then(|ms| ms.parse().ok()).expect("a number");
            async move {
                sleep(Duration::from_millis(ms)).await;
                Ok(Reply::empty(StatusCode::NO_CONTENT))
            }
            .boxed()
        }),
    )],
    served: Served::Always,
    kind: RouteKind::Api,
    summary: "Waits.",
};

#[tokio::test]
async fn under_load_every_request_is_counted_once_and_what_is_open_is_seen() {
    const CLIENTS: u16 = 50;
    const EACH: u16 = 20;
    let (declaration, metrics) = measured(&[("rate_limit = 600 ", "rate_limit = 10000 ")]);
    let service = serve_with(&declaration, NO_DATABASE, &[&WAIT]).await;
    let address = service.local_addr();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            tokio::spawn(async move {
                let one = "GET /wait/10 HTTP/1.1\r\nhost: a\r\n\r\n".repeat(usize::from(EACH) - 1);
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.write_all((one + &request("GET", "/wait/10", &[])).as_bytes()).await.unwrap();
                rest(&mut stream).await.matches("HTTP/1.1 204").count()
            })
        })
        .collect();
    let count = duration("count", "GET", "/wait/{ms}", 204);
    let (mut last, mut active, mut open) = (0.0, 0.0_f64, 0.0_f64);
    while clients.iter().any(|client| !client.is_finished()) {
        let samples = scrape(metrics).await;
        let counted = samples.get(&count).copied().unwrap_or_default();
        assert!(counted >= last, "{counted} after {last}");
        last = counted;
        active = active.max(samples["http_server_active_requests"]);
        open = open.max(samples["server_open_connections"]);
    }
    for client in clients {
        assert_eq!(client.await.unwrap(), usize::from(EACH));
    }
    let samples = scrape(metrics).await;
    let all = f64::from(CLIENTS * EACH);
    assert_eq!(samples[&count], all);
    assert!(samples[&duration("sum", "GET", "/wait/{ms}", 204)] >= all * 0.010, "{samples:?}");
    assert!(active > 1.0 && active <= f64::from(CLIENTS), "{active}");
    assert!(open > 1.0 && open <= f64::from(CLIENTS), "{open}");
    until(async || scrape(metrics).await["server_open_connections"] == 0.0).await;
    assert_eq!(scrape(metrics).await["http_server_active_requests"], 0.0);
}

#[tokio::test]
async fn refusals_are_counted_by_their_reason() {
    let narrow = [("max_requests = 1000", "max_requests = 1"), ("rate_limit = 600", "rate_limit = 3")];
    let (declaration, metrics) = measured(&narrow);
    let service = serve_with(&declaration, NO_DATABASE, &[&WAIT]).await;
    let address = service.local_addr();
    let first = tokio::spawn(async move { get(address, "/wait/500").await.status });
    until(async || scrape(metrics).await["http_server_active_requests"] == 1.0).await;
    assert_eq!(get(address, "/wait/0").await.status, 503);
    assert_eq!(first.await.unwrap(), 204);
    assert_eq!(get(address, "/nothing").await.status, 404);
    assert_eq!(get(address, "/nothing").await.status, 429);
    assert!(raw(address, "no HTTP\r\n\r\n").await.starts_with("HTTP/1.1 400"));
    let samples = scrape(metrics).await;
    for reason in ["shed", "limited", "malformed"] {
        assert_eq!(samples[&format!("http_server_{reason}_requests_total")], 1.0, "{samples:?}");
    }
}

#[tokio::test]
async fn a_client_that_goes_away_is_counted_as_such() {
    let (declaration, metrics) = measured(&[]);
    let service = serve_with(&declaration, NO_DATABASE, &[&WAIT]).await;
    let mut stream = TcpStream::connect(service.local_addr()).await.unwrap();
    stream.write_all(b"GET /wait/9000 HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    until(async || scrape(metrics).await["http_server_active_requests"] == 1.0).await;
    drop(stream);
    until(async || scrape(metrics).await["http_server_abandoned_requests_total"] == 1.0).await;
    let samples = scrape(metrics).await;
    assert_eq!(samples["http_server_active_requests"], 0.0);
    assert!(!samples.keys().any(|name| name.starts_with("http_server_request_duration")), "{samples:?}");
}

#[tokio::test]
async fn nothing_but_the_metrics_is_served_there() {
    let (declaration, metrics) = measured(&[]);
    let service = serve(&declaration, NO_DATABASE).await;
    for (method, path, status, allow) in [
        ("GET", "/", 404, None),
        ("GET", "/health", 404, None),
        ("GET", "/metrics/", 404, None),
        ("OPTIONS", "*", 404, None),
        ("POST", "/metrics", 405, Some("GET, HEAD")),
        ("DELETE", "/metrics", 405, Some("GET, HEAD")),
        ("HEAD", "/metrics", 200, None),
        ("GET", "/metrics?name=x", 200, None),
    ] {
        let answer = send(metrics, method, path, &[("origin", "https://todo.example.com")]).await;
        assert_eq!((answer.status, answer.header("allow")), (status, allow), "{method} {path}");
        assert!(answer.cors().is_empty(), "no page may read it: {answer:?}");
        assert_eq!(answer.body.is_empty(), method != "GET" || status != 200, "{answer:?}");
    }
    assert_eq!(get(service.local_addr(), "/metrics").await.status, 404, "nor the metrics elsewhere");
}

#[tokio::test]
async fn only_this_machine_reaches_it() {
    let (declaration, metrics) = measured(&[]);
    let _service = serve(&declaration, NO_DATABASE).await;
    assert_eq!(get(metrics, "/metrics").await.status, 200);
    // Another address of this machine reaches every listener that is bound to all addresses.
    let elsewhere = SocketAddr::from(([127, 0, 0, 2], metrics.port()));
    assert!(TcpStream::connect(elsewhere).await.is_err(), "{elsewhere}");
}

#[tokio::test]
async fn a_scraper_that_says_nothing_is_closed_and_keeps_no_other_out() {
    let (declaration, metrics) = measured(&[("header_timeout = \"10s\"", "header_timeout = \"300ms\"")]);
    let _service = serve(&declaration, NO_DATABASE).await;
    let started = Instant::now();
    let mut silent = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(metrics).await.unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: a").await.unwrap();
        silent.push(stream);
    }
    assert_eq!(get(metrics, "/metrics").await.status, 200, "it waits its turn");
    for stream in &mut silent {
        assert_eq!(rest(stream).await, "");
    }
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

#[tokio::test]
async fn without_the_table_nothing_more_is_bound() {
    let (declaration, metrics) = measured(&[]);
    let service = serve(&declaration, NO_DATABASE).await;
    service.stop().await;
    assert!(TcpStream::connect(metrics).await.is_err(), "the port is free after the end");
    let _service = serve(&production(&[]), NO_DATABASE).await;
    assert!(TcpStream::connect(metrics).await.is_err());
}

#[tokio::test]
async fn a_taken_port_stops_the_start() {
    let (declaration, metrics) = measured(&[]);
    let _taken = TcpListener::bind(metrics).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let environment = server::Environment::new([("DATABASE_URL", NO_DATABASE)]);
    let error = server::start(&declaration, &environment, listener).err().unwrap();
    assert!(matches!(error, server::Error::Start(StartError::Metrics { address, .. }) if address == metrics));
    let text = error.to_string();
    for part in [&format!("could not listen on {metrics} for metrics: "), "free it", "`metrics.port`"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn the_end_itself_can_be_watched() {
    let postgres = Postgres::start().unwrap();
    let proxy = FaultProxy::to(postgres.port()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("measured.toml");
    let metrics = SocketAddr::from(([127, 0, 0, 1], Port::take().unwrap().number()));
    let table = format!("[metrics]\naddress = \"127.0.0.1\"\nport = {}\n\n[health]", metrics.port());
    std::fs::write(&file, changed(profiles::EMBEDDED[1].2, &[("[health]", &table)])).unwrap();
    let port = Port::take().unwrap();
    let url = proxy.url();
    let environment = [("DATABASE_URL", url.as_str()), ("PORT", &port.to_string())];
    let program = Program::start(&["--profile", file.to_str().unwrap()], &environment);
    let address = until_ready(&port).await;
    assert_eq!(get(address, "/health").await.status, 200);
    proxy.set(Fault::Stall).await.unwrap();
    let mut under_way = TcpStream::connect(address).await.unwrap();
    under_way.write_all(request("GET", "/health", &[]).as_bytes()).await.unwrap();
    until(async || scrape(metrics).await["http_server_active_requests"] == 1.0).await;

    program.signal("TERM");
    until(async || scrape(metrics).await["server_draining"] == 1.0).await;
    assert!(TcpStream::connect(address).await.is_err(), "no new connections");
    assert_eq!(scrape(metrics).await["http_server_active_requests"], 1.0);
    proxy.set(Fault::None).await.unwrap();
    assert_eq!(Answer::parse(&rest(&mut under_way).await).status, 200);
    let (status, output) = program.end().await;
    assert_eq!(status.code(), Some(0), "{output}");
    assert!(output.contains("metrics at /metrics"), "{output}");
    assert!(TcpStream::connect(metrics).await.is_err());
}
