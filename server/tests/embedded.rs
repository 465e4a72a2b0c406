//! The development profile without variables: the service starts its own PostgreSQL.
#![expect(clippy::unwrap_used, reason = "clippy knows tests only where `#[test]` stands")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::thread::sleep;
use std::time::Duration;

static SERVER: LazyLock<&str> = LazyLock::new(built);

/// The same build as for `--launch` of the development profile, so that a run of all tests compiles the database once.
#[expect(clippy::disallowed_methods, reason = "cargo passes its settings to a test in the environment")]
fn built() -> &'static str {
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--locked", "-p", "server", "--features", "embedded-postgres"]);
    // Remove cargo's variables of this package: they would rebuild others, such as ring, now and after the tests.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            build.env_remove(name);
        }
    }
    assert!(build.status().unwrap().success(), "the server was not built");
    env!("CARGO_BIN_EXE_server")
}

struct Service {
    process: Child,
    port: u16,
}

impl Service {
    fn start(folder: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(*SERVER)
            .current_dir(folder)
            .env_clear()
            .env("PORT", port.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { process, port }
    }

    /// The health check's answer, as soon as the service listens.
    fn health(&self) -> String {
        for _ in 0..1_200 {
            if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
                let mut answer = String::new();
                stream
                    .write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
                    .unwrap();
                stream.read_to_string(&mut answer).unwrap();
                return answer;
            }
            sleep(Duration::from_millis(50));
        }
        panic!("the service does not listen");
    }

    fn end(self, signal: &str) -> (ExitStatus, String) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
        self.output()
    }

    fn output(self) -> (ExitStatus, String) {
        let output = self.process.wait_with_output().unwrap();
        (output.status, String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    }
}

#[test]
#[ignore = "compiles PostgreSQL for minutes: `cargo test -p server --test embedded -- --ignored`, as scripts/test --long does"]
fn the_embedded_database_is_healthy_from_the_first_answer_and_survives_every_end() {
    let folder = tempfile::tempdir().unwrap();
    // The last run starts after the database was killed.
    for signal in ["TERM", "KILL", "INT"] {
        let service = Service::start(folder.path());
        let health = service.health();
        assert!(health.starts_with("HTTP/1.1 200 "), "{health}");
        let started = std::time::Instant::now();
        let (status, output) = service.end(signal);
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
        assert_eq!(status.code(), if signal == "KILL" { None } else { Some(0) }, "{output}");
        assert!(output.contains(".plumbline/database"), "{output}");
    }
    assert!(folder.path().join(".plumbline/database").is_dir());
}

#[test]
#[ignore = "compiles PostgreSQL for minutes: `cargo test -p server --test embedded -- --ignored`, as scripts/test --long does"]
fn a_second_service_in_the_same_folder_is_told_why_not() {
    let folder = tempfile::tempdir().unwrap();
    let first = Service::start(folder.path());
    assert!(first.health().starts_with("HTTP/1.1 200 "));
    let (status, output) = Service::start(folder.path()).output();
    assert_eq!(status.code(), Some(1), "{output}");
    assert!(output.contains("another server uses the database in .plumbline/database"), "{output}");
    assert_eq!(first.end("TERM").0.code(), Some(0));
}

#[test]
#[ignore = "compiles PostgreSQL for minutes: `cargo test -p server --test embedded -- --ignored`, as scripts/test --long does"]
fn a_signal_during_the_start_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path());
    sleep(Duration::from_millis(300));
    let (status, output) = service.end("TERM");
    assert_eq!(status.code(), Some(0), "{output}");
}

#[test]
#[ignore = "compiles PostgreSQL for minutes: `cargo test -p server --test embedded -- --ignored`, as scripts/test --long does"]
fn production_never_uses_it() {
    let output = Command::new(*SERVER)
        .args(["--profile", "production"])
        .env_clear()
        .env("PORT", "8080")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("`DATABASE_URL` is not set"));
}
