//! A declared rate limit: a correct one, and four faulty ones.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test sets itself up, and says where it cannot"
)]

mod support;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use support::{Distort, Reply, Seen, probe, problem, start, subject};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use variants::production;
use verify::judge::judge;
use verify::judge::plan::Plan;
use verify::model::check::{Subject, Verdict};
use verify::model::evidence::Selection;
use verify::model::probe::Probe;
use verify::prober::{ProbeOptions, Prober};

#[tokio::test]
async fn a_kept_limit_passes() {
    static LIMITER: Limiter = Limiter::new();
    assert_eq!(flooded(|seen, reply| LIMITER.limit(reply, client(seen), Some("1"))).await, Verdict::Pass);
}

#[tokio::test]
async fn a_limit_that_is_not_there_is_found() {
    assert_eq!(broken(|_, _| ()).await, ["24 requests at once, and none was answered 429"]);
}

#[tokio::test]
async fn a_limit_that_does_not_say_how_long_is_found() {
    static LIMITER: Limiter = Limiter::new();
    let broken = broken(|seen, reply| LIMITER.limit(reply, client(seen), None)).await;
    assert!(broken.contains(&"429 without Retry-After".to_owned()), "{broken:?}");
}

#[tokio::test]
async fn a_limit_that_counts_health_checks_is_found() {
    static LIMITER: Limiter = Limiter::new();
    let broken = broken(|_, reply| LIMITER.limit(reply, Some("everyone"), Some("1"))).await;
    assert_eq!(broken, ["GET /health was rate limited with the others"]);
}

#[tokio::test]
async fn a_limit_that_believes_the_client_is_found() {
    static LIMITER: Limiter = Limiter::new();
    let distort: Distort = |seen, reply| {
        let key = client(seen).map(|_| seen.header("x-forwarded-for").unwrap_or("everyone"));
        LIMITER.limit(reply, key, Some("1"));
    };
    assert_eq!(
        broken(distort).await,
        ["with x-forwarded-for: 203.0.113.9 the limit was gone: 2 requests, and none was answered 429"]
    );
}

/// Servers close idle connections, some after a second. A request on such a connection is a race, which fails here each
/// time.
#[tokio::test]
async fn what_comes_after_a_wait_goes_over_a_connection_of_its_own() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(close_when_asked_late(stream));
        }
    });
    let subject = subject(address);
    let prober = Prober::new(subject.profile(), &subject.target, &ProbeOptions::default()).unwrap();
    let request = Probe::get("/health").request;
    for wait in [Duration::ZERO, Duration::ZERO, Duration::from_secs(1)] {
        tokio::time::sleep(wait).await;
        let (answer, _) = prober.ask(&request).await;
        assert_eq!(answer.response().map(|response| response.status), Ok(204), "after {wait:?}");
    }
}

async fn close_when_asked_late(mut stream: TcpStream) {
    let mut last: Option<Instant> = None;
    while let Ok(1..) = stream.read(&mut [0; 4096]).await {
        if last.is_some_and(|last| last.elapsed() > Duration::from_millis(900)) {
            return;
        }
        last = Some(Instant::now());
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    }
}

async fn broken(distort: Distort) -> Vec<String> {
    match flooded(distort).await {
        Verdict::Fail(failures) => failures.into_iter().map(|failure| failure.observed).collect(),
        other => panic!("{other:?}"),
    }
}

async fn flooded(distort: Distort) -> Verdict {
    let declaration = production().with("load.rate_limit", 20).declaration();
    let subject = Subject { declaration: &declaration, ..subject(start(distort).await) };
    let selection = Selection { only: vec!["load.rate".to_owned()], skip: Vec::new() };
    let plan = Plan::of(subject, &selection).unwrap();
    judge(&plan, &probe(&plan).await).remove(0).verdict
}

/// Twenty requests a second of each key.
struct Limiter(Mutex<Vec<(String, Instant)>>);

impl Limiter {
    const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    fn limit(&self, reply: &mut Reply, key: Option<&str>, retry_after: Option<&str>) {
        let Some(key) = key else { return };
        let mut seen = self.0.lock().unwrap();
        seen.retain(|(_, at)| at.elapsed() < Duration::from_millis(900));
        if seen.iter().filter(|(known, _)| known == key).count() < 20 {
            seen.push((key.to_owned(), Instant::now()));
            return;
        }
        *reply = problem(429, "Too Many Requests");
        if let Some(seconds) = retry_after {
            reply.add("retry-after", seconds);
        }
    }
}

/// Who is counted; health checks are not.
fn client(seen: &Seen) -> Option<&'static str> {
    (seen.path != "/health").then_some("everyone")
}
