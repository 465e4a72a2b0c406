//! The released service as one of several replicas, with its log in a file.

use std::fs::File;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::NamedTempFile;
use testkit::Port;
use tokio::time::sleep;

use crate::support::{command, until_ready};

pub(crate) struct Replica {
    profile: NamedTempFile,
    database: String,
    port: Port,
    log: NamedTempFile,
    process: Child,
}

impl Replica {
    pub(crate) async fn start(profile: &str, database: &str) -> Self {
        let port = Port::take().unwrap();
        let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        std::fs::write(file.path(), profile).unwrap();
        let log = NamedTempFile::new().unwrap();
        let process = spawn(&file, database, &port, &log);
        let replica = Self { profile: file, database: database.to_owned(), port, log, process };
        until_ready(&replica.port).await;
        replica
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port.number()))
    }

    /// Restarts it like a platform: SIGTERM, its end, and the next release on the same port.
    pub(crate) async fn restart(&mut self) {
        self.end().await;
        self.process = spawn(&self.profile, &self.database, &self.port, &self.log);
        until_ready(&self.port).await;
    }

    pub(crate) async fn end(&mut self) {
        let told =
            Command::new("kill").args(["-s", "TERM", &self.process.id().to_string()]).status().unwrap();
        assert!(told.success());
        for _ in 0..600 {
            if let Some(status) = self.process.try_wait().unwrap() {
                assert!(status.success(), "{status}: {}", self.log());
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("the service does not end: {}", self.log());
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }

    /// Resident memory in bytes (`VmRSS`).
    pub(crate) fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// The number of open file descriptors.
    pub(crate) fn files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.process.id())).unwrap().count()
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(profile: &NamedTempFile, database: &str, port: &Port, log: &NamedTempFile) -> Child {
    let file = File::options().append(true).open(log.path()).unwrap();
    let environment = [("DATABASE_URL", database), ("PORT", &port.to_string())];
    command(&["--profile", profile.path().to_str().unwrap()], &environment)
        .stdout(Stdio::from(file.try_clone().unwrap()))
        .stderr(Stdio::from(file))
        .spawn()
        .unwrap()
}
