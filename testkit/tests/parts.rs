//! The parts themselves: each starts, breaks, starts again, and leaves nothing behind.
#![allow(clippy::unwrap_used, reason = "a test sets itself up, and says where it cannot")]

use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use testkit::{Authority, FullBacklog, PgBouncer, Postgres};

#[test]
fn a_postgresql_keeps_its_data_and_its_port_when_it_is_killed() {
    let mut postgres = Postgres::start().unwrap();
    postgres.ask("create table kept as select 7 as number");
    let url = postgres.url();
    postgres.kill();
    assert!(TcpStream::connect(("127.0.0.1", postgres.port())).is_err());
    postgres.start_again();
    assert_eq!((postgres.ask("select number from kept"), postgres.url()), ("7".to_owned(), url));
    assert_eq!(postgres.sessions(), 0);
}

#[test]
fn a_postgresql_ends_with_a_panic_even_when_it_is_frozen() {
    let mut port = 0;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let postgres = Postgres::start().unwrap();
        port = postgres.port();
        postgres.freeze();
        panic!("a test that fails");
    }));
    assert!(panicked.is_err());
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn a_setting_that_postgresql_refuses_is_an_error_with_its_words() {
    let error = Postgres::with(&["max_connections = many"]).err().unwrap().to_string();
    assert!(error.starts_with("`postgres` ended before it was ready; it wrote:"), "{error}");
    assert!(error.contains("max_connections"), "{error}");
}

#[test]
fn every_password_is_its_own_and_is_asked_for() {
    let postgres = Postgres::with_password("hunter2hunter2").unwrap();
    assert_eq!(postgres.ask("select 1"), "1");
    assert!(postgres.url().contains(":hunter2hunter2@"));
    assert!(postgres.ask("select * from pg_hba_file_rules").contains("scram-sha-256"));
}

#[test]
fn a_pooler_shares_sessions_and_ends_tls() {
    let authority = Authority::new().unwrap();
    let postgres = Postgres::with_tls(&authority.sign(&["localhost"]).unwrap()).unwrap();
    assert_eq!(postgres.ask("show ssl"), "on");
    let bouncer = PgBouncer::before(&postgres, &["default_pool_size = 2"]).unwrap();
    assert!(bouncer.url().contains(&format!(":{}/", bouncer.port())));
    let with_tls = PgBouncer::with_tls(&postgres, &authority.sign(&["localhost"]).unwrap()).unwrap();
    assert_ne!(bouncer.port(), with_tls.port());
}

#[tokio::test]
async fn a_full_backlog_answers_no_connection() {
    let full = FullBacklog::listen().await.unwrap();
    let asked = tokio::net::TcpStream::connect(("127.0.0.1", full.port()));
    assert!(tokio::time::timeout(Duration::from_millis(300), asked).await.is_err());
}
