//! A private PostgreSQL, which can be killed, restarted, frozen and demoted.

mod cluster;
mod server;

use std::process::Command;

use crate::authority::Certificate;
use crate::error::StartError;
use crate::port::Port;
use cluster::Cluster;
use server::{Server, State};

pub(crate) const USER: &str = "app";
/// Tests look for it in logs and answers.
pub const PASSWORD: &str = "n7Jq0Zt5";

/// Listens on 127.0.0.1 only, with a password (SCRAM), and never syncs its files.
pub struct Postgres {
    /// `None` after [`kill`](Self::kill).
    server: Option<Server>,
    cluster: Cluster,
    port: Port,
    password: String,
}

impl Postgres {
    pub fn start() -> Result<Self, StartError> {
        Self::with(&[])
    }

    /// With settings such as `max_connections = 5`.
    pub fn with(settings: &[&str]) -> Result<Self, StartError> {
        Self::run(Cluster::make(USER, PASSWORD)?, PASSWORD, settings)
    }

    /// With a unique password.
    pub fn with_password(password: &str) -> Result<Self, StartError> {
        Self::run(Cluster::make(USER, password)?, password, &[])
    }

    /// Offers TLS with this certificate.
    pub fn with_tls(certificate: &Certificate) -> Result<Self, StartError> {
        let cluster = Cluster::make(USER, PASSWORD)?;
        cluster.offer_tls(certificate.pem(), certificate.key())?;
        Self::run(cluster, PASSWORD, &[])
    }

    fn run(cluster: Cluster, password: &str, settings: &[&str]) -> Result<Self, StartError> {
        cluster.configure(settings)?;
        let port = Port::take().map_err(StartError::system("find a free port"))?;
        let server = Server::start(&cluster, port.number(), State::Ready)?;
        Ok(Self { server: Some(server), cluster, port, password: password.to_owned() })
    }

    pub const fn port(&self) -> u16 {
        self.port.number()
    }

    pub fn url(&self) -> String {
        located("127.0.0.1", self.port(), &self.password)
    }

    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// As in a crash of the server or the machine: it ends without a message to its sessions.
    pub fn kill(&mut self) {
        drop(self.server.take());
    }

    /// Starts it again after [`kill`](Self::kill), on the same port with the same data.
    pub fn start_again(&mut self) {
        self.start_until(State::Ready);
    }

    /// Restarts it with TLS, and another certificate: a chain and its key, in PEM form.
    pub fn show(&mut self, chain: &str, key: &str) {
        self.cluster.offer_tls(chain, key).unwrap_or_else(|error| panic!("{error}"));
        self.kill();
        self.start_again();
    }

    /// Stops all its processes: the system still accepts connections, but none gets an answer.
    pub fn freeze(&self) {
        self.running().freeze();
    }

    pub fn thaw(&self) {
        self.running().thaw();
    }

    /// Restarts it as a standby without a primary: it refuses sessions until it is promoted.
    pub fn become_standby(&mut self) {
        self.kill();
        let settings = ["hot_standby = off", "restore_command = 'false'"];
        let demoted = self.cluster.configure(&settings).and_then(|()| self.cluster.demote());
        demoted.unwrap_or_else(|error| panic!("{error}"));
        self.start_until(State::Standby);
    }

    /// Promotes it, without waiting until it is ready.
    pub fn promote(&self) {
        let promoted = self
            .cluster
            .command("pg_ctl")
            .args(["promote", "--no-wait", "-D"])
            .arg(self.cluster.data())
            .status();
        assert!(promoted.is_ok_and(|status| status.success()), "`pg_ctl promote` failed; {}", self.log());
    }

    /// The result of a statement, as `psql` prints it.
    pub fn ask(&self, sql: &str) -> String {
        let mut psql = Command::new(self.cluster.program("psql"));
        psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "-c", sql, &self.url()]);
        let asked = psql.output().unwrap_or_else(|error| panic!("could not start {psql:?}: {error}"));
        assert!(asked.status.success(), "{sql}: {}", String::from_utf8_lossy(&asked.stderr));
        String::from_utf8_lossy(&asked.stdout).trim().to_owned()
    }

    /// The number of its sessions, without the one that counts them.
    pub fn sessions(&self) -> usize {
        let sessions = "select count(*) from pg_stat_activity where backend_type = 'client backend' \
                        and application_name <> 'psql'";
        self.ask(sessions).parse().expect("count(*) is a number")
    }

    pub fn log(&self) -> String {
        self.cluster.log()
    }

    fn start_until(&mut self, state: State) {
        self.kill();
        let started = Server::start(&self.cluster, self.port(), state);
        self.server = Some(started.unwrap_or_else(|error| panic!("{error}")));
    }

    fn running(&self) -> &Server {
        self.server.as_ref().expect("it runs: the test has killed it, and not started it again")
    }
}

/// The URL of a PostgreSQL of this kit at this name or address.
pub fn url(host: &str, port: u16) -> String {
    located(host, port, PASSWORD)
}

fn located(host: &str, port: u16, password: &str) -> String {
    format!("postgresql://{USER}:{password}@{host}:{port}/postgres")
}
