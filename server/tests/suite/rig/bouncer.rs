//! A real PgBouncer in transaction mode. Debian's 1.18 is the strictest: it knows no prepared statements.

use std::fs;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use super::authority::Identity;
use super::postgres::{PASSWORD, Postgres, USER, folder, free_port, give, program, url};

pub(crate) struct Bouncer {
    folder: TempDir,
    port: u16,
    process: Child,
}

impl Bouncer {
    /// In front of a PostgreSQL, with settings such as `default_pool_size = 2`.
    pub(crate) fn before(postgres: u16, settings: &[&str]) -> Self {
        let folder = folder();
        let port = free_port();
        let users = folder.path().join("users.txt");
        fs::write(&users, format!("\"{USER}\" \"{PASSWORD}\"\n")).unwrap();
        give(&users);
        let configuration = format!(
            "[databases]\n* = host=127.0.0.1 port={postgres}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\n\
             pool_mode = transaction\nlogfile = {}\n{}\n",
            users.display(),
            folder.path().join("log").display(),
            settings.join("\n"),
        );
        let file = folder.path().join("pgbouncer.ini");
        fs::write(&file, configuration).unwrap();
        let mut pgbouncer = program("pgbouncer");
        pgbouncer.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = pgbouncer.spawn().expect("pgbouncer: run scripts/test, which installs it");
        let mut bouncer = Self { folder, port, process };
        for _ in 0..500 {
            // Asking at its port would be a client, and some tests count them.
            if bouncer.log().contains("process up") {
                return bouncer;
            }
            assert!(bouncer.process.try_wait().unwrap().is_none(), "PgBouncer ended; {}", bouncer.log());
            sleep(Duration::from_millis(10));
        }
        panic!("PgBouncer does not start; {}", bouncer.log());
    }

    /// One that ends TLS itself.
    pub(crate) fn with_tls(postgres: &Postgres, identity: &Identity) -> Self {
        let certificate = postgres.private_file("pooler.crt", &identity.certificate);
        let key = postgres.private_file("pooler.key", &identity.key);
        let settings = [
            "client_tls_sslmode = require".to_owned(),
            format!("client_tls_cert_file = {}", certificate.display()),
            format!("client_tls_key_file = {}", key.display()),
        ];
        Self::before(postgres.port(), &settings.each_ref().map(String::as_str))
    }

    pub(crate) fn url(&self) -> String {
        url("127.0.0.1", self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
