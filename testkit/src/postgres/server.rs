//! The processes of a running PostgreSQL.

use std::fs;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::cluster::Cluster;
use crate::error::{LONGEST_START, StartError};

/// A running server, killed when dropped.
pub(super) struct Server(Child);

/// The server's state, from the last line of `postmaster.pid`.
#[derive(Clone, Copy)]
pub(super) enum State {
    Ready,
    Standby,
}

impl Server {
    pub(super) fn start(cluster: &Cluster, port: u16, until: State) -> Result<Self, StartError> {
        let program = cluster.program("postgres");
        let log = cluster.log_file().map_err(StartError::system("write PostgreSQL's log"))?;
        let mut command = cluster.command("postgres");
        command.arg("-D").arg(cluster.data()).args(["-p", &port.to_string()]).stderr(log);
        let mut server = Self(command.spawn().map_err(StartError::file("run", &program))?);
        let deadline = Instant::now() + LONGEST_START;
        while !server.is(until, cluster) {
            if !matches!(server.0.try_wait(), Ok(None)) {
                return Err(StartError::ended("postgres", &cluster.log()));
            }
            if Instant::now() > deadline {
                return Err(StartError::late("postgres", port, &cluster.log()));
            }
            sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    pub(super) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub(super) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn is(&self, state: State, cluster: &Cluster) -> bool {
        let file = fs::read_to_string(cluster.data().join("postmaster.pid")).unwrap_or_default();
        let said = file.lines().nth(7).map(str::trim);
        let state = match state {
            State::Ready => "ready",
            State::Standby => "standby",
        };
        // The file may be the previous server's.
        said == Some(state) && file.lines().next() == Some(&self.0.id().to_string())
    }

    /// Signals every session as well: each is a process of its own.
    fn signal(&self, signal: Signal) {
        let postmaster = self.0.id();
        let children = fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children"));
        let children = children.unwrap_or_default();
        let children = children.split_whitespace().filter_map(|child| Pid::from_raw(child.parse().ok()?));
        for process in [Pid::from_child(&self.0)].into_iter().chain(children) {
            // A process that has ended meanwhile needs no signal.
            let _ = kill_process(process, signal);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A stopped process handles no other signal.
        self.thaw();
        let _ = kill_process(Pid::from_child(&self.0), Signal::QUIT);
        let _ = self.0.wait();
    }
}
