//! Builds and starts a release candidate by the profile, and ends every process of it.
#![allow(clippy::disallowed_methods, reason = "launching is I/O and takes time")]

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use profiles::Profile;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::model::redact::shown;
use testkit::Port;

/// The folder and the environment of a candidate.
pub struct LaunchContext {
    /// The repository's root, in which commands run.
    pub folder: PathBuf,
    /// The whole environment of the build and of the candidate, without PORT.
    pub environment: Vec<(String, String)>,
}

/// A running release candidate.
pub struct Candidate {
    child: Child,
    group: Group,
    port: Port,
    output: Lines,
    started: Instant,
    drain: Duration,
}

#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    #[error("could not start `{command}` in {folder}: {error}; check [launch] in the profile")]
    Spawn { command: String, folder: String, error: std::io::Error },
    #[error("the build `{command}` failed: {status}")]
    Build { command: String, status: ExitStatus },
    #[error("could not find a free port: {0}")]
    Port(std::io::Error),
    #[error("could not learn how `{command}` ended: {error}")]
    Wait { command: String, error: std::io::Error },
    #[error("the candidate ended {after} after its start, {when}: {status}\n{}", tail(output))]
    Died { after: String, when: &'static str, status: ExitStatus, output: Vec<String> },
    #[error("the candidate did not answer within {within}: {why}\n{}", tail(output))]
    NeverReady { within: String, why: String, output: Vec<String> },
}

/// Runs the profile's build step; its output goes to the output of `verify`.
pub async fn build(profile: &Profile, context: &LaunchContext) -> Result<(), LaunchError> {
    let Some(mut command) = command(&profile.launch.build, context) else {
        return Ok(());
    };
    let shown = profile.launch.build.join(" ");
    let (mut build, _group) = spawn(command.stdout(std::io::stderr()), &shown, context)?;
    let status = build.wait().await.map_err(|error| LaunchError::Wait { command: shown.clone(), error })?;
    if status.success() { Ok(()) } else { Err(LaunchError::Build { command: shown, status }) }
}

impl Candidate {
    /// Starts the profile's command with a free PORT. It may not be ready yet.
    pub fn start(profile: &Profile, context: &LaunchContext) -> Result<Self, LaunchError> {
        let port = Port::take().map_err(LaunchError::Port)?;
        let mut command = command(&profile.launch.command, context)
            .expect("launch.command is not empty: asserted by the profile's schema");
        let started = Instant::now();
        let command =
            command.env("PORT", port.number().to_string()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let (mut child, group) = spawn(command, &profile.launch.command.join(" "), context)?;
        let output = Lines::default();
        output.follow(child.stdout.take());
        output.follow(child.stderr.take());
        let drain = profile.lame_duck().get() + profile.server.drain_timeout.get() + Duration::from_secs(2);
        Ok(Self { child, group, port, output, started, drain })
    }

    pub const fn port(&self) -> u16 {
        self.port.number()
    }

    /// Waits for `ready`, which returns a reason on failure, unless the candidate ends first.
    /// Returns the time from the start of the command.
    pub async fn until(
        &mut self,
        within: Duration,
        ready: impl Future<Output = Result<(), String>>,
    ) -> Result<Duration, LaunchError> {
        match self.during("before it answered", ready).await? {
            Ok(()) => Ok(self.started.elapsed()),
            Err(why) => {
                Err(LaunchError::NeverReady { within: millis(within), why, output: self.output.last() })
            }
        }
    }

    /// Waits for `work`, unless the candidate ends first.
    pub async fn during<T>(
        &mut self,
        when: &'static str,
        work: impl Future<Output = T>,
    ) -> Result<T, LaunchError> {
        tokio::select! {
            status = self.child.wait() => {
                let status =
                    status.map_err(|error| LaunchError::Wait { command: "the candidate".to_owned(), error })?;
                // The last lines may still be in the pipe.
                tokio::time::sleep(Duration::from_millis(50)).await;
                let after = millis(self.started.elapsed());
                Err(LaunchError::Died { after, when, status, output: self.output.last() })
            }
            done = work => Ok(done),
        }
    }

    /// Its exit status, if it ends within this time.
    pub async fn ended(&mut self, within: Duration) -> Option<ExitStatus> {
        tokio::time::timeout(within, self.child.wait()).await.ok()?.ok()
    }

    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Signals the whole group, as a platform and a terminal do.
    pub fn signal(&self, signal: Signal) {
        let _ = kill_process_group(self.group.0, signal);
    }

    /// Its output from the line with this number on: unescaped and unredacted.
    pub fn written(&self, from: usize) -> Vec<String> {
        self.output.from(from)
    }

    /// SIGTERM, the profile's time to end, then SIGKILL, to the whole group.
    pub async fn stop(mut self) {
        let _ = kill_process_group(self.group.0, Signal::TERM);
        let _ = tokio::time::timeout(self.drain, self.child.wait()).await;
        // Its child processes may outlive it.
        let deadline = Instant::now() + Duration::from_secs(2);
        while test_kill_process_group(self.group.0).is_ok() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A command and its child processes. Dropping it ends them all.
struct Group(Pid);

impl Drop for Group {
    fn drop(&mut self) {
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}

/// The output of a candidate, in lines.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    /// Further lines are read and discarded.
    const KEPT: usize = 10_000;
    /// The lines that an error shows.
    const SHOWN: usize = 20;
    /// In bytes; a longer line is kept as several lines.
    const LONGEST: u64 = 4096;

    /// Reads all output to its end: a closed or full pipe would end or block the candidate.
    fn follow(&self, stream: Option<impl AsyncRead + Unpin + Send + 'static>) {
        let Some(stream) = stream else { return };
        let kept = self.clone();
        tokio::spawn(async move {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while (&mut stream)
                .take(Self::LONGEST)
                .read_until(b'\n', &mut line)
                .await
                .is_ok_and(|read| read > 0)
            {
                kept.keep(String::from_utf8_lossy(&line).trim_end());
                line.clear();
            }
        });
    }

    fn keep(&self, line: &str) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == Self::KEPT {
            // The last lines show why it ended.
            kept.remove(Self::KEPT - Self::SHOWN);
        }
        kept.push(line.to_owned());
    }

    fn from(&self, from: usize) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().skip(from).cloned().collect()
    }

    fn last(&self) -> Vec<String> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept[kept.len().saturating_sub(Self::SHOWN)..].iter().map(|line| shown(line)).collect()
    }
}

fn command(words: &[String], context: &LaunchContext) -> Option<Command> {
    let (program, arguments) = words.split_first()?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(&context.folder)
        .env_clear()
        .envs(context.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null());
    Some(command)
}

/// In a process group of its own, so that its child processes can be ended too.
fn spawn(command: &mut Command, shown: &str, context: &LaunchContext) -> Result<(Child, Group), LaunchError> {
    let child = command.process_group(0).spawn().map_err(|error| LaunchError::Spawn {
        command: shown.to_owned(),
        folder: context.folder.display().to_string(),
        error,
    })?;
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    Ok((child, Group(group.expect("a child that was just started has an id"))))
}

fn tail(output: &[String]) -> String {
    if output.is_empty() {
        return "it wrote nothing".to_owned();
    }
    let lines: Vec<String> = output.iter().map(|line| format!("  | {line}")).collect();
    format!("its last lines:\n{}", lines.join("\n"))
}

fn millis(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}
