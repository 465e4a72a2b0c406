//! A real PgBouncer in transaction mode, before a PostgreSQL of the test's own.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use verify::port::Port;

/// PgBouncer refuses to run as root.
const NOBODY: u32 = 65_534;

pub(crate) struct Bouncer {
    folder: TempDir,
    port: Port,
    process: Child,
}

impl Bouncer {
    pub(crate) async fn before(postgres: u16, user: &str, password: &str) -> Self {
        let folder = TempDir::with_prefix("plumbline-").expect("there is room for a folder");
        give(folder.path());
        let port = Port::take().expect("a port is free");
        let (users, log) = (folder.path().join("users.txt"), folder.path().join("log"));
        fs::write(&users, format!("\"{user}\" \"{password}\"\n")).expect("there is room for a file");
        give(&users);
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={postgres}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\n\
             unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\npool_mode = transaction\nlogfile = {}\n",
            port.number(),
            users.display(),
            log.display(),
        );
        let file = folder.path().join("pgbouncer.ini");
        fs::write(&file, settings).expect("there is room for a file");
        let mut command = Command::new("pgbouncer");
        command.arg(&file).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let process = command.spawn().expect("pgbouncer: run scripts/test, which installs it");
        let bouncer = Self { folder, port, process };
        for _ in 0..500 {
            if bouncer.log().contains("process up") {
                return bouncer;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("PgBouncer does not start; {}", bouncer.log());
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port.number()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Bouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn give(path: &Path) {
    if is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).expect("root may give files away");
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").expect("/proc is mounted").uid() == 0
}
