//! A PgBouncer in transaction mode before a [`Postgres`]. Debian's 1.18 is the strictest: it has no prepared statements.

use std::fs;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::authority::Certificate;
use crate::error::{LONGEST_START, StartError};
use crate::port::Port;
use crate::postgres::{Postgres, USER};
use crate::{programs, unprivileged};

/// Clients use the database's own user and password.
pub struct PgBouncer {
    process: Child,
    folder: TempDir,
    port: Port,
    /// Its users are the database's.
    credentials: String,
}

impl PgBouncer {
    /// With settings such as `default_pool_size = 2`.
    pub fn before(postgres: &Postgres, settings: &[&str]) -> Result<Self, StartError> {
        Self::start(unprivileged::folder()?, postgres, settings)
    }

    /// Terminates TLS, and refuses clients without it.
    pub fn with_tls(postgres: &Postgres, certificate: &Certificate) -> Result<Self, StartError> {
        let folder = unprivileged::folder()?;
        let chain = unprivileged::private_file(folder.path(), "tls.crt", certificate.pem())?;
        let key = unprivileged::private_file(folder.path(), "tls.key", certificate.key())?;
        let settings = [
            "client_tls_sslmode = require".to_owned(),
            format!("client_tls_cert_file = {}", chain.display()),
            format!("client_tls_key_file = {}", key.display()),
        ];
        Self::start(folder, postgres, &settings.each_ref().map(String::as_str))
    }

    fn start(folder: TempDir, postgres: &Postgres, settings: &[&str]) -> Result<Self, StartError> {
        let program = programs::pgbouncer()?;
        let port = Port::take().map_err(StartError::system("find a free port"))?;
        let password = postgres.password();
        let users = format!("\"{USER}\" \"{password}\"\n");
        let users = unprivileged::private_file(folder.path(), "users.txt", &users)?;
        let configuration = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\n\
             unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\npool_mode = transaction\nlogfile = {}\n{}\n",
            postgres.port(),
            port.number(),
            users.display(),
            folder.path().join("log").display(),
            settings.join("\n"),
        );
        let configuration = unprivileged::private_file(folder.path(), "pgbouncer.ini", &configuration)?;
        let mut command = unprivileged::command(&program);
        command.arg(configuration).stderr(Stdio::null());
        let process = command.spawn().map_err(StartError::file("run", &program))?;
        let credentials = format!("{USER}:{password}");
        let mut bouncer = Self { process, folder, port, credentials };
        bouncer.wait().map(|()| bouncer)
    }

    /// Waits by its log: a connection to its port would count as a client in some tests.
    fn wait(&mut self) -> Result<(), StartError> {
        let deadline = Instant::now() + LONGEST_START;
        while !self.log().contains("process up") {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return Err(StartError::ended("pgbouncer", &self.log()));
            }
            if Instant::now() > deadline {
                return Err(StartError::late("pgbouncer", self.port(), &self.log()));
            }
            sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    pub const fn port(&self) -> u16 {
        self.port.number()
    }

    pub fn url(&self) -> String {
        format!("postgresql://{}@127.0.0.1:{}/postgres", self.credentials, self.port())
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
