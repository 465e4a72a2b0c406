//! The contract in `specs/` is served, and third-party tools confirm that the service keeps it.

use std::io::{Seek as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use testkit::{Port, Postgres};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{
    Answer, NO_DATABASE, Program, get, production, repository, request, serve, until_ready,
};

const MISSING: &str = "run scripts/test, which installs it";

fn contract() -> PathBuf {
    repository().join("specs/004-backend-deployment/contracts/health-check.yaml")
}

#[tokio::test]
async fn the_served_document_is_the_contract() {
    let shown = profiles::Declaration::load("development", jiff::civil::date(2026, 1, 1)).unwrap();
    let service = serve(&shown, NO_DATABASE).await;
    let served = get(service.local_addr(), "/openapi.json").await.json();
    let written: Value = serde_saphyr::from_str(&std::fs::read_to_string(contract()).unwrap()).unwrap();
    for (path, item) in written["paths"].as_object().unwrap() {
        assert_eq!(&served["paths"][path], item, "{path}");
    }
    assert_eq!((&served["info"], &served["components"]), (&written["info"], &written["components"]));
    assert_eq!(served["openapi"], "3.1.0");
}

/// The whole answer, which may be binary.
async fn bytes(address: SocketAddr, path: &str) -> (Answer, Vec<u8>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request("GET", path, &[]).as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    let body = bytes.split_off(end);
    (Answer::parse(&String::from_utf8(bytes).unwrap()), body)
}

#[tokio::test]
async fn the_docs_are_one_page_whose_policy_allows_its_own_files_only() {
    let shown = profiles::Declaration::load("development", jiff::civil::date(2026, 1, 1)).unwrap();
    let service = serve(&shown, NO_DATABASE).await;
    let docs = get(service.local_addr(), "/docs").await;
    assert_eq!(docs.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = docs.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    for directive in policy.split("; ") {
        let (name, sources) = directive.split_once(' ').unwrap();
        let expected = match name {
            "script-src" | "style-src" | "connect-src" => "'self'",
            // Images embedded in the style.
            "img-src" => "data:",
            _ => "'none'",
        };
        assert_eq!(sources, expected, "{directive}");
    }
}

#[tokio::test]
async fn the_files_of_the_docs_are_what_their_headers_say() {
    let shown = profiles::Declaration::load("development", jiff::civil::date(2026, 1, 1)).unwrap();
    let service = serve(&shown, NO_DATABASE).await;
    for (file, content_type, coding, text) in [
        ("start.js", "text/javascript; charset=utf-8", None, "SwaggerUIBundle({"),
        ("swagger-ui-bundle.js", "text/javascript; charset=utf-8", Some("gzip"), "SwaggerUIBundle"),
        ("swagger-ui.css", "text/css; charset=utf-8", Some("gzip"), ".swagger-ui"),
    ] {
        let (answer, body) = bytes(service.local_addr(), &format!("/docs/{file}")).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(content_type)), "{file}");
        assert_eq!(answer.header("content-encoding"), coding, "{file}");
        assert_eq!(answer.header("content-length"), Some(body.len().to_string().as_str()), "{file}");
        // gzip checks length and sum.
        let content = if coding.is_some() { unzipped(&body) } else { body };
        assert!(String::from_utf8(content).unwrap().contains(text), "{file}");
    }
    for unknown in ["/docs/", "/docs/swagger-ui.js", "/docs/start.js/"] {
        assert_eq!(get(service.local_addr(), unknown).await.status, 404, "{unknown}");
    }
}

#[tokio::test]
async fn hidden_docs_have_no_files_either() {
    let service = serve(&production(&[]), NO_DATABASE).await;
    for file in ["start.js", "swagger-ui-bundle.js", "swagger-ui.css"] {
        assert_eq!(get(service.local_addr(), &format!("/docs/{file}")).await.status, 404, "{file}");
    }
}

fn unzipped(bytes: &[u8]) -> Vec<u8> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    let output = Command::new("gzip").arg("-dc").stdin(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

async fn schemathesis(address: SocketAddr) {
    let run = move || -> Output {
        Command::new("schemathesis")
            .arg("run")
            .arg(contract())
            .args(["--url", &format!("http://{address}"), "--checks", "all", "--max-examples", "25"])
            .args(["--phases", "examples,coverage,fuzzing", "--no-color"])
            .current_dir(std::env::temp_dir())
            .output()
            .unwrap_or_else(|error| panic!("schemathesis: {error}; {MISSING}"))
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemathesis_finds_nothing_while_the_database_runs() {
    let postgres = Postgres::start().unwrap();
    let service = serve(&production(&[]), &postgres.url()).await;
    schemathesis(service.local_addr()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_procfile_starts_the_service_and_sigterm_ends_it() {
    let postgres = Postgres::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(repository().join("Procfile"), folder.path().join("Procfile")).unwrap();
    std::fs::create_dir(folder.path().join("bin")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_server"), folder.path().join("bin/server")).unwrap();
    let port = Port::take().unwrap();
    let mut honcho = Command::new("honcho");
    honcho
        .arg("start")
        .current_dir(folder.path())
        .env("PORT", port.to_string())
        .env("DATABASE_URL", postgres.url());
    let honcho = Program::spawn(honcho).unwrap_or_else(|error| panic!("honcho: {error}; {MISSING}"));
    let address = until_ready(&port).await;
    let health = get(address, "/health").await;
    assert_eq!((health.status, &health.json()["environment"]), (200, &"production".into()));
    honcho.signal("TERM");
    let (_, output) = honcho.end().await;
    // Honcho's own exit code reports only the signal; its child must have exited with 0.
    let last = output.lines().find(|line| line.contains("\"message\":\"ended\"")).expect(&output);
    let line: Value = serde_json::from_str(&last[last.find('{').unwrap()..]).unwrap();
    assert_eq!((&line["level"], &line["target"]), (&"info".into(), &"server".into()), "Railway's keys");
    assert!(std::net::TcpStream::connect(address).is_err());
}
