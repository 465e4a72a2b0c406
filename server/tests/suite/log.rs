//! The log of the real process: one line per request, without private data.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use futures_util::FutureExt as _;
use http::Method;
use jiff::Timestamp;
use serde_json::Value;
use server::{Handler, Route, RouteKind, Served};
use testkit::{Fault, FaultProxy, Port, Postgres};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use crate::support::{
    A, Answer, NO_DATABASE, Program, changed, get, log_while, production, raw, send, serve_with, until_ready,
};

/// The lines of a process with the production profile behind a proxy on this machine, while `held` runs.
async fn lines_while(database: &str, held: impl AsyncFnOnce(SocketAddr)) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("proxied.toml");
    let change = [("trusted = [\"100.64.0.0/10\"]", "trusted = [\"127.0.0.0/8\"]")];
    std::fs::write(&file, changed(profiles::EMBEDDED[1].2, &change)).unwrap();
    let port = Port::take().unwrap();
    let environment = [("DATABASE_URL", database), ("PORT", &port.to_string())];
    let service = Program::start(&["--profile", file.to_str().unwrap()], &environment);
    held(until_ready(&port).await).await;
    service.signal("TERM");
    let (status, log) = service.end().await;
    assert!(status.success(), "{log}");
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
}

/// The lines of requests.
fn requests(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|line| line["message"].as_str().unwrap().starts_with("request")).collect()
}

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn a_request_is_one_line_with_all_that_tells_it_from_others() {
    let lines = lines_while(NO_DATABASE, async |address| {
        let start = (Timestamp::now().as_millisecond() - 250).to_string();
        let fields = [
            ("x-request-id", "edge-7"),
            ("x-real-ip", "2001:db8::7"),
            ("x-request-start", start.as_str()),
            ("traceparent", PARENT),
            ("authorization", "Bearer planted-header"),
            ("cookie", "session=planted-header"),
            ("user-agent", "planted-header"),
            ("origin", A),
        ];
        assert_eq!(send(address, "DELETE", "/livez?token=planted-query", &fields).await.status, 405);
        assert_eq!(send(address, "GET", "/nothing?token=planted-query", &[]).await.status, 404);
        assert_eq!(send(address, "HEAD", "/nothing", &[]).await.status, 404);
        assert_eq!(get(address, "/livez?token=planted-query").await.status, 200);
        assert_eq!(get(address, "/health").await.status, 503);
    })
    .await;
    assert!(!format!("{lines:?}").contains("planted"), "{lines:?}");
    let [first, second, third, fourth] = requests(&lines)[..] else {
        panic!("four lines, and none for the probe that went well: {lines:?}");
    };

    assert!(first["queue_ms"].as_i64().is_some_and(|ms| (250..20_000).contains(&ms)), "{first}");
    assert!(
        first["duration_us"].is_u64() && first["bytes"].as_u64().is_some_and(|bytes| bytes > 100),
        "{first}"
    );
    assert!(first["timestamp"].as_str().is_some_and(|text| text.parse::<Timestamp>().is_ok()), "{first}");
    for (name, expected) in [
        ("message", "request"),
        ("level", "info"),
        ("method", "DELETE"),
        ("route", "/livez"),
        ("path", "/livez"),
        ("id", "edge-7"),
        ("client", "2001:db8::7"),
        ("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736"),
    ] {
        assert_eq!(first[name], expected, "{name}: {first}");
    }
    assert_eq!(first["status"], 405);
    assert_eq!(first.as_object().unwrap().len(), 14, "{first}");

    assert_eq!((&second["path"], &second["client"]), (&"/nothing".into(), &"127.0.0.1".into()));
    for absent in ["route", "trace_id", "queue_ms"] {
        assert!(second[absent].is_null(), "{absent}: {second}");
    }
    assert_eq!((&third["method"], &third["bytes"]), (&"HEAD".into(), &0.into()));
    assert_eq!((&fourth["level"], &fourth["status"]), (&"error".into(), &503.into()));
    assert_eq!(fourth["route"], "/health");
}

#[tokio::test]
async fn nobody_but_a_proxy_says_how_long_a_request_has_waited() {
    let log = log_while(NO_DATABASE, async |address| {
        let fields = [("x-request-start", "1"), ("x-real-ip", "192.0.2.1"), ("x-request-id", "mine")];
        send(address, "GET", "/nothing", &fields).await;
    })
    .await;
    assert!(log.contains("\"/nothing\"") && log.contains("\"client\":\"127.0.0.1\""), "{log}");
    assert!(!log.contains("queue_ms") && !log.contains("mine"), "{log}");
}

#[tokio::test]
async fn a_request_whose_client_has_gone_is_one_line_too() {
    let postgres = Postgres::start().unwrap();
    let proxy = FaultProxy::to(postgres.port()).await.unwrap();
    let lines = lines_while(&proxy.url(), async |address| {
        assert_eq!(get(address, "/health").await.status, 200);
        proxy.set(Fault::Stall).await.unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\nx-request-id: gone\r\n\r\n").await.unwrap();
        sleep(Duration::from_millis(200)).await;
        drop(stream);
        sleep(Duration::from_millis(200)).await;
    })
    .await;
    let [line] = requests(&lines)[..] else { panic!("{lines:?}") };
    assert!(line["message"].as_str().unwrap().contains("client has gone"), "{line}");
    assert_eq!(
        (&line["id"], &line["status"], &line["route"]),
        (&"gone".into(), &Value::Null, &"/health".into())
    );
}

#[tokio::test]
async fn the_line_of_a_head_that_cannot_be_read_has_the_id_of_its_answer() {
    let mut answered = None;
    let lines = lines_while(NO_DATABASE, async |address| {
        let answer =
            Answer::parse(&raw(address, "GET /nothing HTTP/1.1\r\nhost: a\r\nno name\r\n\r\n").await);
        assert_eq!(answer.status, 400, "{answer:?}");
        answered = answer.header("x-request-id").map(str::to_owned);
    })
    .await;
    assert!(requests(&lines).is_empty(), "{lines:?}");
    let line = lines.iter().find(|line| line["message"].as_str().unwrap().starts_with("no request"));
    let line = line.unwrap_or_else(|| panic!("{lines:?}"));
    assert_eq!((line["status"].as_u64(), line["id"].as_str()), (Some(400), answered.as_deref()), "{line}");
}

#[tokio::test]
async fn the_drivers_own_lines_are_in_no_log() {
    let postgres = Postgres::start().unwrap();
    let port = Port::take().unwrap();
    let url = postgres.url();
    let environment = [("DATABASE_URL", url.as_str()), ("PORT", &port.to_string()), ("RUST_LOG", "trace")];
    let service = Program::start(&["--profile", "production"], &environment);
    assert_eq!(get(until_ready(&port).await, "/health").await.status, 200);
    service.signal("TERM");
    let (_, log) = service.end().await;
    // The driver logs parameters of statements through the crate `log`, which has no logger here.
    assert!(!log.contains("tokio_postgres") && !log.contains("transaction_read_only"), "{log}");
}

/// The number of requests whose lines, 7 KB each, exceed a pipe and the log's queue.
const MANY: usize = 500;

/// A process with an unread log.
struct Unread {
    service: Program,
    address: SocketAddr,
    metrics: SocketAddr,
    _ports: [Port; 2],
}

/// Sends [`MANY`] requests, each of which is answered.
async fn unread() -> Unread {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("unread.toml");
    let (port, metrics) = (Port::take().unwrap(), Port::take().unwrap());
    let table = format!("[metrics]\naddress = \"127.0.0.1\"\nport = {metrics}\n\n[health]");
    std::fs::write(&file, changed(profiles::EMBEDDED[1].2, &[("[health]", &table)])).unwrap();
    let environment = [("DATABASE_URL", NO_DATABASE), ("PORT", &port.to_string())];
    let service = Program::start(&["--profile", file.to_str().unwrap()], &environment);
    let address = until_ready(&port).await;
    let path = format!("/{}", "long".repeat(1750));
    for _ in 0..MANY {
        let status = get(address, &path).await.status;
        assert!([404, 429].contains(&status), "{status}");
    }
    let scraped = SocketAddr::from(([127, 0, 0, 1], metrics.number()));
    Unread { service, address, metrics: scraped, _ports: [port, metrics] }
}

async fn lost_lines(metrics: SocketAddr) -> usize {
    let text = get(metrics, "/metrics").await.body;
    let value = text.lines().find_map(|line| line.strip_prefix("server_log_lost_lines_total "));
    value.unwrap_or_else(|| panic!("{text}")).parse().unwrap()
}

#[tokio::test]
async fn a_log_that_is_not_read_delays_neither_answers_nor_the_end() {
    let Unread { service, address, metrics, _ports } = unread().await;
    assert_eq!(get(address, "/livez").await.status, 200);
    let lost = lost_lines(metrics).await;
    assert!((1..MANY).contains(&lost), "{lost}");
    service.signal("TERM");
    let asked = Instant::now();
    let (status, log) = service.end().await;
    // No request was in flight, so the drain's 10 s are not used.
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert!(status.success(), "{status}: {log}");
}

#[tokio::test]
async fn a_log_that_is_read_again_tells_how_many_lines_were_lost() {
    let Unread { mut service, metrics, _ports, .. } = unread().await;
    let lost = lost_lines(metrics).await;
    let log = service.output();
    let read = spawn_blocking(move || std::io::read_to_string(log).unwrap());
    // The queue is free once the thread continues; further lines are kept, the last one too.
    sleep(Duration::from_millis(500)).await;
    service.signal("TERM");
    let (status, errors) = service.end().await;
    assert!(status.success(), "{errors}");
    let text = read.await.unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<&Value> = lines.iter().filter(|line| !line["lost"].is_null()).collect();
    let [told] = told[..] else { panic!("{told:?}") };
    assert_eq!((&told["lost"], &told["level"]), (&lost.into(), &"warn".into()), "{told}");
    assert_eq!(requests(&lines).len() + lost, MANY);
    assert_eq!(lines.last().unwrap()["message"], "ended");
}

#[tokio::test]
async fn a_flood_is_summed_up_and_other_requests_are_not() {
    let began = Instant::now();
    let lines = lines_while(NO_DATABASE, async |address| {
        let foreign = [("origin", "https://foreign.example"), ("access-control-request-method", "PUT")];
        for number in 0..60 {
            assert_eq!(send(address, "OPTIONS", "/health", &foreign).await.status, 403);
            assert_eq!(get(address, "/health").await.status, 503);
            raw(address, "GET /nothing HTTP/1.1\r\nhost: a\r\nno name\r\n\r\n").await;
            assert_eq!(get(address, &format!("/nothing/{number}")).await.status, 404);
        }
    })
    .await;
    let most = usize::try_from(began.elapsed().as_secs()).unwrap() + 2;
    let told = |chosen: &dyn Fn(&Value) -> bool| {
        let lines: Vec<u64> = lines
            .iter()
            .filter(|line| chosen(line))
            .map(|line| line["times"].as_u64().unwrap_or(1))
            .collect();
        (lines.len(), lines.iter().sum::<u64>())
    };
    let of = |line: &Value, name: &str, value: &Value| line[name] == *value;
    let says = |line: &Value, text: &str| line["message"].as_str().unwrap().starts_with(text);
    for (what, (count, times)) in [
        ("preflights", told(&|line| of(line, "method", &"OPTIONS".into()))),
        ("probes", told(&|line| of(line, "route", &"/health".into()) && of(line, "method", &"GET".into()))),
        ("queries", told(&|line| says(line, "no healthy database"))),
        ("heads", told(&|line| says(line, "no request"))),
    ] {
        assert_eq!(times, 60, "{what}: {lines:#?}");
        assert!((2..=most).contains(&count), "{what}: {count} lines");
    }
    let others = told(&|line| line["path"].as_str().is_some_and(|path| path.starts_with("/nothing")));
    assert_eq!(others, (60, 60));
    assert!(!format!("{lines:?}").contains("sum_by"));
}

const BOOM: Route = Route {
    path: |_| "/boom",
    methods: &[(Method::GET, Handler::Async(|_| async { panic!("a panic\nof two lines") }.boxed()))],
    served: Served::Always,
    kind: RouteKind::Api,
    summary: "Panics.",
};

/// The same in a sync handler.
const BOOM_AT_ONCE: Route = Route {
    path: |_| "/boom-at-once",
    methods: &[(Method::GET, Handler::Sync(|_| panic!("a panic\nof two lines")))],
    ..BOOM
};

/// The service of the next test, in a process with its own log; `#[ignore]` excludes it from other runs.
#[tokio::test]
#[ignore = "run by `a_panic_is_logged_once_with_its_place`"]
async fn a_service_with_routes_that_panic() {
    // The test harness has begun a line.
    println!();
    let _log = server::log::install(profiles::Environment::Production, None).unwrap();
    let service = serve_with(&production(&[]), NO_DATABASE, &[&BOOM, &BOOM_AT_ONCE]).await;
    for path in ["/boom", "/boom-at-once"] {
        let answer = send(service.local_addr(), "GET", path, &[("traceparent", PARENT)]).await;
        println!("\nanswered {}", answer.header("x-request-id").unwrap());
    }
    service.stop().await;
}

#[test]
fn a_panic_is_logged_once_with_its_place() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "log::a_service_with_routes_that_panic", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    let ids: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("answered ")).collect();
    assert_eq!((ids.len(), text.matches("of two lines").count()), (2, 2), "{text}");
    let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for id in ids {
        let ours: Vec<_> = lines.iter().filter(|line| line["id"] == id).collect();
        let [panic, request] = ours[..] else { panic!("{text}") };
        assert_eq!(panic["message"], "panic: a panic\nof two lines");
        assert!(panic["location"].as_str().unwrap().contains("log.rs:"), "{panic}");
        assert_eq!((&request["message"], &request["status"]), (&"request".into(), &500.into()));
        for line in [panic, request] {
            assert_eq!(line["level"], "error");
            assert_eq!(line["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
        }
    }
}
