//! What the tests share: profiles with a change, a plain HTTP client, PostgreSQL and a wire to it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pgtemp::{PgTempDB, PgTempDBBuilder};
use profiles::Declaration;
use server::{Environment, ROUTES, Route, Running};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

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

/// A real PostgreSQL, and the URL to reach it.
pub(crate) struct Postgres {
    database: PgTempDB,
}

impl Postgres {
    pub(crate) fn start() -> Self {
        let start = || Self::builder().start();
        // pgtemp lets the port go before PostgreSQL takes it, and panics when somebody else was quicker.
        Self { database: std::panic::catch_unwind(start).unwrap_or_else(|_| start()) }
    }

    /// Another server where the first one was.
    pub(crate) fn start_on(port: u16) -> Self {
        Self { database: Self::builder().with_port(port).start() }
    }

    pub(crate) fn url(&self) -> String {
        self.url_through(self.database.db_port())
    }

    pub(crate) fn url_through(&self, port: u16) -> String {
        let (user, password) = (self.database.db_user(), self.database.db_pass());
        format!("postgresql://{user}:{password}@127.0.0.1:{port}/{}", self.database.db_name())
    }

    pub(crate) fn port(&self) -> u16 {
        self.database.db_port()
    }

    /// With fixed names, so that a second server is the first one again. pgtemp waits until the server answers
    /// only if it has a database to create.
    pub(crate) fn builder() -> PgTempDBBuilder {
        PgTempDB::builder()
            .with_bin_path(programs())
            .with_username("app")
            .with_password("n7Jq0Zt5")
            .with_dbname("app")
    }

    /// The first rows of a statement, as `psql` prints them.
    pub(crate) fn ask(&self, sql: &str) -> String {
        let output = Command::new("psql")
            .args(["--no-psqlrc", "--tuples-only", "--no-align", "-c", sql, &self.url()])
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned()
    }
}

/// Where PostgreSQL's programs are: sudo, which pgtemp uses as root, has a search path of its own.
#[expect(clippy::disallowed_methods, reason = "the tests run what is on PATH")]
fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let initdb =
        std::env::split_paths(&path).map(|folder| folder.join("initdb")).find(|program| program.exists());
    // A link on PATH leads to the folder that has the others too.
    let initdb = initdb.and_then(|program| program.canonicalize().ok());
    let folder = initdb.as_deref().and_then(Path::parent);
    folder.expect("initdb is on PATH: scripts/test sees to it").to_owned()
}

/// A wire to PostgreSQL that counts the health checks' queries and can go silent.
pub(crate) struct Wire {
    pub(crate) port: u16,
    queries: Arc<AtomicUsize>,
    silent: watch::Sender<bool>,
    opened: Arc<AtomicUsize>,
    dead: Arc<AtomicUsize>,
}

impl Wire {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let queries = Arc::new(AtomicUsize::new(0));
        let (silent, listening) = watch::channel(false);
        let counter = Arc::clone(&queries);
        let (opened, dead) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (count, fate) = (Arc::clone(&opened), Arc::clone(&dead));
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else {
                    continue;
                };
                let (client_read, client_write) = client.into_split();
                let (server_read, server_write) = server.into_split();
                let fate = Fate { number: count.fetch_add(1, Ordering::SeqCst), dead: Arc::clone(&fate) };
                tokio::spawn(pump(
                    client_read,
                    server_write,
                    listening.clone(),
                    Some(Arc::clone(&counter)),
                    fate.clone(),
                ));
                tokio::spawn(pump(server_read, client_write, listening.clone(), None, fate));
            }
        });
        Self { port: own, queries, silent, opened, dead }
    }

    /// Nothing passes any more, in either direction; connections stay open.
    pub(crate) fn silence(&self) {
        self.silent.send(true).unwrap();
    }

    /// Nothing passes on the connections of now, for ever; new ones work. A firewall that forgot them.
    pub(crate) fn forget(&self) {
        self.dead.store(self.opened.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    pub(crate) fn resume(&self) {
        self.silent.send(false).unwrap();
    }

    pub(crate) fn queries(&self) -> usize {
        self.queries.load(Ordering::SeqCst)
    }
}

/// Whether a connection has been forgotten.
#[derive(Clone)]
struct Fate {
    number: usize,
    dead: Arc<AtomicUsize>,
}

async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut silent: watch::Receiver<bool>,
    queries: Option<Arc<AtomicUsize>>,
    fate: Fate,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if fate.number < fate.dead.load(Ordering::SeqCst) {
            return std::future::pending().await;
        }
        if let Some(queries) = &queries {
            let asked = buffer[..read].windows(9).filter(|window| window == b"select 1\0").count();
            queries.fetch_add(asked, Ordering::SeqCst);
        }
        if silent.wait_for(|silent| !silent).await.is_err() || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

/// The real program, with a clean environment.
pub(crate) struct Program(Child);

impl Program {
    pub(crate) fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::spawn(command(arguments, environment)).unwrap()
    }

    pub(crate) fn spawn(mut command: Command) -> std::io::Result<Self> {
        Ok(Self(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?))
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.0.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for the end, and returns what was printed.
    pub(crate) async fn end(mut self) -> (ExitStatus, String) {
        for _ in 0..400 {
            if self.0.try_wait().unwrap().is_some() {
                let output = self.0.wait_with_output().unwrap();
                return (output.status, [output.stdout, output.stderr].map(text).concat());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.0.kill().unwrap();
        panic!("the program did not end");
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

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

pub(crate) async fn until_ready(port: u16) -> SocketAddr {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    for _ in 0..400 {
        if TcpStream::connect(address).await.is_ok() {
            return address;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing listens on {address}");
}

pub(crate) fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}
