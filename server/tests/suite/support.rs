//! Shared by the tests: changed profiles, a plain HTTP client, and the service as a process.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use futures_util::FutureExt as _;
use http::{Method, StatusCode};
use profiles::Declaration;
use server::{Environment, Handler, ROUTES, Reply, Route, RouteKind, Running, Served};
use testkit::{PASSWORD, Port};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::types::{ToSql, Type};

/// Nothing listens on port 1.
pub(crate) const NO_DATABASE: &str = "postgresql://app:n7Jq0Zt5@127.0.0.1:1/app";
pub(crate) const A: &str = "https://todo.example.com";
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// The production profile, with texts in it replaced.
pub(crate) fn production(changes: &[(&str, &str)]) -> Declaration {
    let (_, file, text) = profiles::EMBEDDED[1];
    Declaration::parse(file, &changed(text, changes), jiff::civil::date(2026, 1, 1))
        .unwrap_or_else(|refused| panic!("{refused}"))
}

pub(crate) fn changed(text: &str, changes: &[(&str, &str)]) -> String {
    changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the profile says `{from}`");
        text.replace(from, to)
    })
}

pub(crate) async fn serve(declaration: &Declaration, database: &str) -> Running {
    serve_with(declaration, database, ROUTES).await
}

pub(crate) async fn serve_with(
    declaration: &Declaration,
    database: &str,
    routes: &'static [&'static Route],
) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let environment = Environment::new([("DATABASE_URL", database)]);
    server::start_with(declaration, &environment, listener, routes).unwrap()
}

/// A statement that takes the milliseconds of the query.
pub(crate) const NAP: Route = Route {
    path: |_| "/nap/{ms}",
    methods: &[(
        Method::GET,
        Handler::Async(|context| {
            async move {
                let ms: f64 = context.parameter("ms").and_then(|ms| ms.parse().ok()).expect("a number");
                let seconds: &(dyn ToSql + Sync) = &(ms / 1e3);
                let float = Type::FLOAT8;
                context.database().query("select pg_sleep($1)", &[(seconds, float)]).await?;
                Ok(Reply::empty(StatusCode::NO_CONTENT))
            }
            .boxed()
        }),
    )],
    served: Served::Always,
    kind: RouteKind::Api,
    summary: "Naps in the database.",
};
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, Vec<String>>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        match self.headers.get(name).map(Vec::as_slice) {
            None => None,
            Some([value]) => Some(value),
            Some(values) => panic!("several `{name}`: {values:?}"),
        }
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn cors(&self) -> Vec<&str> {
        self.headers.keys().map(String::as_str).filter(|name| name.starts_with("access-control-")).collect()
    }

    pub(crate) fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = BTreeMap::<String, Vec<String>>::new();
        for (name, value) in lines.map(|line| line.split_once(": ").unwrap()) {
            headers.entry(name.to_owned()).or_default().push(value.to_owned());
        }
        Self { status, headers, body: body.to_owned() }
    }
}

/// Sends the bytes as they are and reads until the service closes.
pub(crate) async fn raw(address: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_ref()).await.unwrap();
    rest(&mut stream).await
}

pub(crate) async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer ends it too.
    let _ = timeout(LONG, stream.read_to_end(&mut answer)).await.expect("the service closes in time");
    String::from_utf8(answer).unwrap()
}

pub(crate) fn request(method: &str, path: &str, fields: &[(&str, &str)]) -> String {
    let fields: String = fields.iter().map(|(name, value)| [name, ": ", value, "\r\n"].concat()).collect();
    format!("{method} {path} HTTP/1.1\r\nhost: api.example.com\r\nconnection: close\r\n{fields}\r\n")
}

pub(crate) async fn send(address: SocketAddr, method: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
    Answer::parse(&raw(address, request(method, path, fields)).await)
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Answer {
    send(address, "GET", path, &[]).await
}

/// The real program, with a clean environment.
///
/// A failed test leaves no process behind: its drop sends SIGTERM, then SIGKILL.
pub(crate) struct Program(Option<Child>);

impl Program {
    pub(crate) fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::spawn(command(arguments, environment)).unwrap()
    }

    pub(crate) fn spawn(mut command: Command) -> std::io::Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        Ok(Self(Some(child)))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.as_ref().expect("only `end` takes it").id()
    }

    /// Its further output, which only the caller reads.
    pub(crate) fn output(&mut self) -> ChildStdout {
        self.0.as_mut().and_then(|child| child.stdout.take()).expect("it is taken once, before `end`")
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end, and returns its output.
    pub(crate) async fn end(mut self) -> (ExitStatus, String) {
        for _ in 0..400 {
            if let Some(ended) = self.0.take_if(|child| child.try_wait().unwrap().is_some()) {
                let output = ended.wait_with_output().unwrap();
                return (output.status, [output.stdout, output.stderr].map(text).concat());
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("the program did not end");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let Some(mut child) = self.0.take() else {
            return;
        };
        let _ = Command::new("kill").args(["-s", "TERM", &child.id().to_string()]).status();
        for _ in 0..100 {
            if child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

pub(crate) fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_server"));
    command.args(arguments).env_clear().envs(environment.iter().copied()).stdin(Stdio::null());
    command
}

pub(crate) async fn until_ready(port: &Port) -> SocketAddr {
    let address = SocketAddr::from(([127, 0, 0, 1], port.number()));
    for _ in 0..400 {
        if TcpStream::connect(address).await.is_ok() {
            return address;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing listens on {address}");
}

pub(crate) async fn until(mut seen: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !seen().await {
        assert!(Instant::now() < deadline, "not seen within {LONG:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// The log of the service as a process, while `held` runs.
pub(crate) async fn log_while(url: &str, held: impl AsyncFnOnce(SocketAddr)) -> String {
    let port = Port::take().unwrap();
    let environment = [("DATABASE_URL", url), ("PORT", &port.to_string())];
    let service = Program::start(&["--profile", "production"], &environment);
    let address = until_ready(&port).await;
    held(address).await;
    service.signal("TERM");
    let (status, log) = service.end().await;
    assert!(status.success(), "{log}");
    for secret in [PASSWORD, "hunter2"] {
        assert!(!log.contains(secret), "{log}");
    }
    log
}

/// 503 within the budget of two seconds, plus a margin for a busy machine, without details.
pub(crate) async fn is_unhealthy(address: SocketAddr) {
    let started = Instant::now();
    let answer = get(address, "/health").await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(started.elapsed() < Duration::from_millis(3_900), "{:?}", started.elapsed());
    let health = answer.json();
    assert_eq!((&health["status"], &health["database"]), (&"unhealthy".into(), &"disconnected".into()));
    assert_eq!(health.as_object().unwrap().len(), 4, "{}", answer.body);
}

pub(crate) fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
