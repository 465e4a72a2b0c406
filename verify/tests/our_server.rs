//! Our own server, with a real PostgreSQL, against the profiles it is made for.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test sets itself up, and says where it cannot"
)]

mod support;

use std::path::Path;

use profiles::Declaration;
use server::{Environment, Running};
use support::TODAY;
use support::command::{Ended, verify};
use testkit::Postgres;
use tokio::net::TcpListener;
use variants::production;

#[tokio::test]
async fn the_server_keeps_every_promise_of_every_profile() {
    let database = Postgres::start().unwrap();
    for name in ["production", "development"] {
        let server = serve(&embedded(name), &database.url()).await;
        let ended = against(&server, name, "check").await;
        assert_eq!((ended.code, ended.failed()), (0, Vec::new()), "{name}: {}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.json()["snapshots"]["unchanged"], 5);
        server.stop().await;
    }
}

#[tokio::test]
async fn the_first_profile_of_a_developers_server_is_proven_as_it_is() {
    let database = Postgres::start().unwrap();
    let server = serve(&embedded("development"), &database.url()).await;
    let url = format!("http://{}", server.local_addr());
    let folder = tempfile::tempdir().unwrap();
    let first = verify(folder.path(), &["init", &url, "--output", "first.toml"]).await;
    assert_eq!(first.code, 0, "{}", first.stderr);
    let written = Declaration::load(&folder.path().join("first.toml").display().to_string(), TODAY).unwrap();
    assert_eq!(written.profile.cors.origins, embedded("development").profile.cors.origins);

    let proven = verify(folder.path(), &["--profile", "./first.toml", "--snapshots", "off"]).await;
    assert_eq!(proven.code, 0, "{}{}", proven.stdout, proven.stderr);
    server.stop().await;
}

#[tokio::test]
async fn an_intrusive_run_finds_nothing_more_and_snapshots_the_same() {
    let database = Postgres::start().unwrap();
    let server = serve(&embedded("production"), &database.url()).await;
    let url = format!("http://{}", server.local_addr());
    let arguments = ["--profile", "production", "--url", &url, "--report", "json", "--intrusive"];
    let ended = verify(Path::new("."), &arguments).await;
    assert_eq!((ended.code, ended.failed()), (0, Vec::new()), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(ended.json()["snapshots"]["unchanged"], 5);
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_lost_an_origin_is_told_which() {
    let database = Postgres::start().unwrap();
    let narrower = production().with("cors.origins", ["https://todo.example.com"]).declaration();
    let server = serve(&narrower, &database.url()).await;
    let ended = against(&server, "production", "off").await;
    assert_eq!(ended.code, 1);
    assert_eq!(ended.failed()[0], "cors.actual.allows-declared-origin");
    let observed = ended.observed("cors.actual.allows-declared-origin");
    assert_eq!(
        observed,
        "a page at `https://www.example.com` may not read GET /health: no access-control-allow-origin"
    );
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_shows_its_docs_is_told_where() {
    let database = Postgres::start().unwrap();
    let shown = production().with("environment", "development").with("server.docs", "shown").declaration();
    let server = serve(&shown, &database.url()).await;
    let ended = against(&server, "production", "off").await;
    assert_eq!(ended.code, 1);
    assert_eq!(
        ended.observed("exposure.docs.as-declared"),
        "GET /docs answered 200; the profile declares docs hidden\nGET /openapi.json answered 200; the profile declares docs hidden"
    );
    // Docs can only be shown outside production, and that is seen too.
    assert_eq!(ended.failed(), ["health.contract.environment", "exposure.docs.as-declared"]);
    server.stop().await;
}

#[tokio::test]
async fn a_stopped_database_is_one_finding_that_says_so() {
    let database = Postgres::start().unwrap();
    let server = serve(&embedded("production"), &database.url()).await;
    drop(database);
    let ended = against(&server, "production", "off").await;
    assert_eq!((ended.code, ended.failed()), (1, vec!["health.contract.status-and-type".to_owned()]));
    let observed = ended.observed("health.contract.status-and-type");
    assert_eq!(observed, "GET /health answered 503 with status `unhealthy`, database `disconnected`");
    server.stop().await;
}

/// The check run of an embedded profile. Where a promise is meant to break, `snapshots` is off: a drift for
/// review would be left behind.
async fn against(server: &Running, profile: &str, snapshots: &str) -> Ended {
    let url = format!("http://{}", server.local_addr());
    verify(
        Path::new("."),
        &["--profile", profile, "--url", &url, "--report", "json", "--snapshots", snapshots],
    )
    .await
}

async fn serve(declaration: &Declaration, database: &str) -> Running {
    let environment = Environment::new([("DATABASE_URL", database)]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    server::start(declaration, &environment, listener).unwrap_or_else(|error| panic!("{error}"))
}

fn embedded(name: &str) -> Declaration {
    Declaration::load(name, TODAY).unwrap_or_else(|error| panic!("{error}"))
}
