//! A PostgreSQL of its own for each test, which can be killed, restarted and frozen.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub(crate) const USER: &str = "app";
pub(crate) const PASSWORD: &str = "n7Jq0Zt5";
/// PostgreSQL and PgBouncer refuse to run as root; this is `nobody`.
const NOBODY: u32 = 65534;

pub(crate) struct Postgres {
    folder: TempDir,
    port: u16,
    server: Option<Child>,
}

impl Postgres {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// With settings such as `max_connections = 5`.
    pub(crate) fn with(settings: &[&str]) -> Self {
        let folder = folder();
        let password = folder.path().join("password");
        fs::write(&password, PASSWORD).unwrap();
        give(&password);
        let mut initdb = program("initdb");
        initdb.args([
            "-U",
            USER,
            "-A",
            "scram-sha-256",
            "-E",
            "UTF8",
            "--locale",
            "C",
            "--no-sync",
            "--pwfile",
        ]);
        let made = initdb.arg(&password).arg("-D").arg(folder.path().join("data")).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let always =
            "fsync = off\nautovacuum = off\nunix_socket_directories = ''\nlisten_addresses = '127.0.0.1'";
        let mut postgres = Self { folder, port: 0, server: None };
        postgres.configure(&[&[always], settings].concat());
        // A port that was free a moment ago may be taken by now; then the next one is.
        for _ in 0..5 {
            postgres.port = free_port();
            if postgres.launch() {
                return postgres;
            }
        }
        panic!("PostgreSQL did not start; {}", postgres.log());
    }

    /// Appends to the configuration; a later line wins.
    pub(crate) fn configure(&self, settings: &[&str]) {
        let file = self.data().join("postgresql.conf");
        let text = fs::read_to_string(&file).unwrap() + &settings.join("\n") + "\n";
        fs::write(file, text).unwrap();
    }

    /// A file that only the server can read, as it wants its key.
    pub(crate) fn private_file(&self, name: &str, text: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        give(&file);
        file
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        url("127.0.0.1", self.port)
    }

    /// As in a crash, or when the machine goes down: no session is told.
    pub(crate) fn kill(&mut self) {
        self.signal("QUIT");
        self.server.take().unwrap().wait().unwrap();
    }

    /// Where it was before, with the data from before.
    pub(crate) fn start_again(&mut self) {
        assert!(self.launch(), "PostgreSQL did not start again; {}", self.log());
    }

    pub(crate) fn restart(&mut self) {
        self.kill();
        self.start_again();
    }

    /// Stops every process of it in its tracks: the system still accepts connections, and nobody answers.
    pub(crate) fn freeze(&self) {
        self.signal_all("STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal_all("CONT");
    }

    /// From its next start on it recovers, and is ready only when it is promoted.
    pub(crate) fn become_standby(&mut self) {
        self.kill();
        self.configure(&["hot_standby = off", "restore_command = 'false'"]);
        give(&{
            let file = self.data().join("standby.signal");
            fs::write(&file, "").unwrap();
            file
        });
        assert!(self.launch_until("standby"), "PostgreSQL did not start as a standby; {}", self.log());
    }

    pub(crate) fn promote(&self) {
        let mut promote = program("pg_ctl");
        promote.arg("promote").arg("--no-wait").arg("-D").arg(self.data()).stdout(Stdio::null());
        assert!(promote.status().unwrap().success());
    }

    /// What a statement returns, as `psql` prints it.
    pub(crate) fn ask(&self, sql: &str) -> String {
        let asked = Command::new("psql")
            .args(["--no-psqlrc", "--tuples-only", "--no-align", "-c", sql, &self.url()])
            .output()
            .unwrap();
        assert!(asked.status.success(), "{sql}: {}", String::from_utf8_lossy(&asked.stderr));
        String::from_utf8(asked.stdout).unwrap().trim().to_owned()
    }

    /// How many sessions it has, but for the one that counts.
    pub(crate) fn sessions(&self) -> usize {
        let sessions = "select count(*) from pg_stat_activity where backend_type = 'client backend' \
                        and application_name <> 'psql'";
        self.ask(sessions).parse().unwrap()
    }

    fn launch(&mut self) -> bool {
        self.launch_until("ready")
    }

    fn launch_until(&mut self, state: &str) -> bool {
        let log =
            fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut server = program("postgres");
        server.arg("-D").arg(self.data()).arg("-p").arg(self.port.to_string());
        server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut server = server.spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline && server.try_wait().unwrap().is_none() {
            // The last line says `ready` when it takes connections.
            let file = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
            if file.lines().nth(7).is_some_and(|line| line.trim() == state)
                && file.lines().next() == Some(&server.id().to_string())
            {
                self.server = Some(server);
                return true;
            }
            sleep(Duration::from_millis(10));
        }
        let _ = server.kill();
        let _ = server.wait();
        false
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn signal(&self, name: &str) {
        signal(name, &[self.server.as_ref().unwrap().id().to_string()]);
    }

    /// Each session is a process of its own.
    fn signal_all(&self, name: &str) {
        let postmaster = self.server.as_ref().unwrap().id();
        let children = fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children")).unwrap();
        let mut all = vec![postmaster.to_string()];
        all.extend(children.split_whitespace().map(ToOwned::to_owned));
        signal(name, &all);
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.server.is_some() {
            // A frozen one hears nothing else.
            self.thaw();
            self.kill();
        }
    }
}

pub(crate) fn url(host: &str, port: u16) -> String {
    format!("postgresql://{USER}:{PASSWORD}@{host}:{port}/postgres")
}

/// A port that was free a moment ago, that no other test of this process gets, and that no system hands out: those begin
/// at 32,768.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Another process begins elsewhere.
    let start = std::process::id().wrapping_mul(101);
    loop {
        let next = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
        let port = u16::try_from(10_000 + next).unwrap();
        if TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
}

/// A folder for a server that is not root.
pub(crate) fn folder() -> TempDir {
    let folder = TempDir::with_prefix("plumbline-").unwrap();
    give(folder.path());
    folder
}

pub(crate) fn give(path: &Path) {
    if is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

/// A server's program, which never runs as root.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.current_dir("/");
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

fn signal(name: &str, processes: &[String]) {
    // One that has ended meanwhile is no mistake.
    let _ = Command::new("kill").args(["-s", name]).args(processes).stderr(Stdio::null()).status().unwrap();
}
