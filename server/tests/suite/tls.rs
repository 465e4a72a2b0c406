//! TLS and authentication: accepted servers, and refusals, whose reasons appear in the log only.

use std::path::Path;
use std::time::{Duration, SystemTime};

use testkit::{Authority, PASSWORD, PgBouncer, Postgres};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{command, get, is_unhealthy, log_while, production, serve};

/// A PostgreSQL with a certificate of this authority for `localhost`.
fn postgres_with(authority: &Authority) -> Postgres {
    Postgres::with_tls(&authority.sign(&["localhost"]).unwrap()).unwrap()
}

pub(crate) async fn health(url: &str) -> u16 {
    let service = serve(&production(&[]), url).await;
    let answer = get(service.local_addr(), "/health").await;
    service.stop().await;
    answer.status
}

pub(crate) async fn assert_logged(url: &str, class: &str, remedy: &str) {
    let log = log_while(url, is_unhealthy).await;
    let lines: Vec<_> = log.lines().filter(|line| line.contains("\"class\"")).collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains(&format!("\"class\":\"{class}\"")), "{class}: {log}");
    assert!(lines[0].contains(remedy), "{remedy}: {log}");
    assert!(lines[0].contains("\"level\":\"warn\"") && lines[0].contains("\"database\":\""), "{log}");
}

#[tokio::test]
async fn a_private_authoritys_certificate_for_this_host_is_accepted() {
    let authority = Authority::new().unwrap();
    let postgres = postgres_with(&authority);
    for more in ["", "&channel_binding=prefer", "&channel_binding=disable", "&channel_binding=require"] {
        assert_eq!(
            health(&(authority.verified_url("localhost", postgres.port()) + more)).await,
            200,
            "{more}"
        );
    }
    // By address, with the name to verify.
    let by_address = authority.verified_url("localhost", postgres.port()) + "&hostaddr=127.0.0.1";
    assert_eq!(health(&by_address).await, 200);
    let encrypted = "select count(*) from pg_stat_ssl where ssl and pid <> pg_backend_pid()";
    let service = serve(&production(&[]), &by_address).await;
    assert_eq!(get(service.local_addr(), "/health").await.status, 200);
    assert_eq!(postgres.ask(encrypted), "1");
}

#[tokio::test]
async fn the_hosts_name_is_sent_even_when_the_address_is_given() {
    // Neon finds the database by SNI. Only the receiver of the first handshake message can read it.
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    let hello = tokio::spawn(async move {
        let (mut client, _) = server.accept().await.unwrap();
        client.read_exact(&mut [0; 8]).await.unwrap();
        client.write_all(b"S").await.unwrap();
        let mut hello = [0; 2048];
        let read = client.read(&mut hello).await.unwrap();
        hello[..read].to_vec()
    });
    let url = testkit::url("ep-cool-darkness.example.net", port) + "?sslmode=require&hostaddr=127.0.0.1";
    assert_eq!(health(&url).await, 503);
    let hello = hello.await.unwrap();
    let name = b"ep-cool-darkness.example.net";
    assert!(hello.windows(name.len()).any(|part| part == name), "{hello:?}");
}

#[tokio::test]
async fn every_wrong_certificate_has_its_own_line_in_the_log() {
    let authority = Authority::new().unwrap();
    let postgres = postgres_with(&authority);
    let by_address = authority.verified_url("127.0.0.1", postgres.port());
    assert_logged(&by_address, "tls-wrong-host", "use a host name that the certificate holds").await;
    let other = Authority::new().unwrap();
    assert_logged(&other.verified_url("localhost", postgres.port()), "tls-untrusted", "`sslrootcert`").await;
    let public = format!("{}?sslmode=verify-full", testkit::url("localhost", postgres.port()));
    assert_logged(&public, "tls-untrusted", "`sslrootcert`").await;

    let in_2020 = SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 365 * 50);
    let postgres = Postgres::with_tls(&authority.sign_until(&["localhost"], in_2020).unwrap()).unwrap();
    assert_logged(&authority.verified_url("localhost", postgres.port()), "tls-expired", "renew it").await;
}

#[tokio::test]
async fn a_server_without_tls_is_never_spoken_to_in_plain_text() {
    let postgres = Postgres::start().unwrap();
    let authority = Authority::new().unwrap();
    let url = authority.verified_url("localhost", postgres.port());
    assert_logged(&url, "tls-not-offered", "the server offers no TLS").await;
}

#[tokio::test]
async fn a_wrong_password_and_a_missing_database_have_their_own_lines() {
    let postgres = Postgres::start().unwrap();
    let wrong = postgres.url().replace(PASSWORD, "hunter2");
    assert_logged(&wrong, "authentication", "the user or password was not accepted").await;
    let missing = format!("{}-of-no-one", postgres.url());
    assert_logged(&missing, "no-database", "no database of that name").await;
    let bouncer = PgBouncer::before(&postgres, &[]).unwrap();
    let wrong = bouncer.url().replace(PASSWORD, "hunter2");
    assert_logged(&wrong, "authentication", "the user or password was not accepted").await;
}

#[tokio::test]
async fn a_host_that_is_not_there_or_says_nothing_has_its_own_line() {
    let url = testkit::url("no-such-host.invalid", 5432) + "?sslmode=verify-full";
    assert_logged(&url, "unresolved", "the host name could not be resolved").await;
    let closed = crate::support::NO_DATABASE;
    assert_logged(closed, "refused", "is the database running").await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = testkit::url("127.0.0.1", silent.local_addr().unwrap().port());
    assert_logged(&silent, "timeout", "no answer in time").await;
}

#[tokio::test]
async fn channel_binding_that_the_certificate_does_not_allow_is_explained() {
    let authority = Authority::with_ed25519().unwrap();
    let postgres = postgres_with(&authority);
    let url = |more| authority.verified_url("localhost", postgres.port()) + more;
    assert_eq!(health(&url("")).await, 200, "preferred, it is left out");
    assert_logged(&url("&channel_binding=require"), "channel-binding", "remove the option").await;
}

#[tokio::test]
async fn channel_binding_through_a_pooler_that_ends_tls_is_explained() {
    let authority = Authority::new().unwrap();
    let postgres = Postgres::start().unwrap();
    let bouncer = PgBouncer::with_tls(&postgres, &authority.sign(&["localhost"]).unwrap()).unwrap();
    let url = |more| authority.verified_url("localhost", bouncer.port()) + more;
    assert_eq!(health(&url("")).await, 200);
    assert_logged(&url("&channel_binding=require"), "channel-binding", "a pooler ends TLS").await;
}

#[test]
fn an_authority_that_cannot_be_read_stops_the_start_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (missing, empty) = (folder.path().join("missing.pem"), folder.path().join("empty.pem"));
    std::fs::write(&empty, "nothing here").unwrap();
    let (broken, large) = (folder.path().join("broken.pem"), folder.path().join("large.pem"));
    std::fs::write(&broken, "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n").unwrap();
    std::fs::write(&large, vec![b'#'; 2 << 20]).unwrap();
    let pipe = folder.path().join("pipe.pem");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (file, said) in [
        (missing.as_path(), "cannot be read"),
        (&empty, "holds no certificate in PEM form"),
        (&broken, "is no sound PEM file"),
        (&large, "cannot be read: it has more than 1024 KiB"),
        (&pipe, "cannot be read: it is a pipe, a socket or a device, and no file"),
        (Path::new("/dev/zero"), "cannot be read: it is a pipe, a socket or a device, and no file"),
        (folder.path(), "cannot be read: Is a directory"),
    ] {
        let url = format!("postgresql://app:hunter2@db.example.net/app?sslrootcert={}", file.display());
        let environment = [("DATABASE_URL", url.as_str()), ("PORT", "8080")];
        let output = command(&["--profile", "production", "--check"], &environment).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("`DATABASE_URL` names the certificate file"), "{text}");
        assert!(text.contains(said) && text.contains(file.to_str().unwrap()), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}
