//! The files of a PostgreSQL: its data, its settings and its log, in a temporary folder.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::error::StartError;
use crate::{programs, unprivileged};

/// The files do not outlive a test, so they are not synced. No socket but TCP on loopback.
const SETTINGS: [&str; 4] =
    ["fsync = off", "autovacuum = off", "unix_socket_directories = ''", "listen_addresses = '127.0.0.1'"];

pub(super) struct Cluster {
    folder: TempDir,
    programs: PathBuf,
}

impl Cluster {
    pub(super) fn make(user: &str, password: &str) -> Result<Self, StartError> {
        let cluster = Self { folder: unprivileged::folder()?, programs: programs::postgresql()? };
        let file = cluster.private_file("password", password)?;
        let mut initdb = cluster.command("initdb");
        initdb.args(["--username", user, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"]);
        initdb.args(["--no-sync", "--no-instructions", "--pwfile"]).arg(file).arg("-D").arg(cluster.data());
        let made = initdb.output().map_err(StartError::file("run", &cluster.program("initdb")))?;
        if !made.status.success() {
            return Err(StartError::ended("initdb", &String::from_utf8_lossy(&made.stderr)));
        }
        cluster.configure(&SETTINGS)?;
        Ok(cluster)
    }

    /// Appends to the configuration; a later line wins.
    pub(super) fn configure(&self, settings: &[&str]) -> Result<(), StartError> {
        let file = self.data().join("postgresql.conf");
        let appended = append(&file).and_then(|mut file| writeln!(file, "{}", settings.join("\n")));
        appended.map_err(StartError::file("write", &file))
    }

    /// Offers TLS from the next start on, with this certificate: a chain and its key, in PEM form.
    pub(super) fn offer_tls(&self, chain: &str, key: &str) -> Result<(), StartError> {
        let chain = self.private_file("server.crt", chain)?;
        let key = self.private_file("server.key", key)?;
        self.configure(&[
            "ssl = on",
            &format!("ssl_cert_file = '{}'", chain.display()),
            &format!("ssl_key_file = '{}'", key.display()),
        ])
    }

    /// Makes it a standby from the next start on.
    pub(super) fn demote(&self) -> Result<(), StartError> {
        unprivileged::private_file(&self.data(), "standby.signal", "").map(drop)
    }

    fn private_file(&self, name: &str, text: &str) -> Result<PathBuf, StartError> {
        unprivileged::private_file(self.folder.path(), name, text)
    }

    pub(super) fn command(&self, program: &str) -> Command {
        unprivileged::command(&self.program(program))
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    pub(super) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The file of the server's errors.
    pub(super) fn log_file(&self) -> io::Result<fs::File> {
        append(&self.folder.path().join("log"))
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

fn append(file: &Path) -> io::Result<fs::File> {
    OpenOptions::new().create(true).append(true).open(file)
}
