//! The contract in `specs/` is the one that is served, and other people's tools agree that it is kept.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use crate::rig::{Postgres, free_port};
use crate::support::{NO_DATABASE, Program, get, production, repository, serve, until_ready};

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

#[tokio::test]
async fn the_docs_are_one_page_whose_policy_allows_its_own_style_only() {
    let shown = profiles::Declaration::load("development", jiff::civil::date(2026, 1, 1)).unwrap();
    let service = serve(&shown, NO_DATABASE).await;
    let docs = get(service.local_addr(), "/docs").await;
    assert_eq!(docs.header("content-type"), Some("text/html; charset=utf-8"));
    let style = docs.body.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let hash = base64(&sha256(style));
    let policy = docs.header("content-security-policy").unwrap();
    assert!(policy.contains(&format!("style-src 'sha256-{hash}';")), "{hash}: {policy}");
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
}

/// By the system's own tools: hashing for one test is no reason for two dependencies.
fn sha256(text: &str) -> Vec<u8> {
    let output = piped("sha256sum", &[], text.as_bytes());
    let hex = String::from_utf8(output).unwrap();
    (0..64).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn base64(bytes: &[u8]) -> String {
    String::from_utf8(piped("base64", &[], bytes)).unwrap().trim().to_owned()
}

fn piped(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("input");
    std::fs::write(&file, input).unwrap();
    let stdin = std::fs::File::open(file).unwrap();
    Command::new(program).args(arguments).stdin(stdin).output().unwrap().stdout
}

async fn schemathesis(address: std::net::SocketAddr) {
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
    let postgres = Postgres::start();
    let service = serve(&production(&[]), &postgres.url()).await;
    schemathesis(service.local_addr()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_procfile_starts_the_service_and_sigterm_ends_it() {
    let postgres = Postgres::start();
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(repository().join("Procfile"), folder.path().join("Procfile")).unwrap();
    std::fs::create_dir(folder.path().join("bin")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_server"), folder.path().join("bin/server")).unwrap();
    let port = free_port();
    let mut honcho = Command::new("honcho");
    honcho
        .arg("start")
        .current_dir(folder.path())
        .env("PORT", port.to_string())
        .env("DATABASE_URL", postgres.url());
    let honcho = Program::spawn(honcho).unwrap_or_else(|error| panic!("honcho: {error}; {MISSING}"));
    let address = until_ready(port).await;
    let health = get(address, "/health").await;
    assert_eq!((health.status, &health.json()["environment"]), (200, &"production".into()));
    honcho.signal("TERM");
    let (_, output) = honcho.end().await;
    // Honcho's own exit code says only that it was told to end; what it started must have ended well.
    let last = output.lines().find(|line| line.contains("\"message\":\"ended\"")).expect(&output);
    let line: Value = serde_json::from_str(&last[last.find('{').unwrap()..]).unwrap();
    assert_eq!((&line["level"], &line["target"]), (&"info".into(), &"server".into()), "Railway's keys");
    assert!(std::net::TcpStream::connect(address).is_err());
}
