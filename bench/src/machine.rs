//! The machine: what must be installed, which processor does what, and how the report describes it.

use std::fs;
use std::process::Command;

use rustix::process::{Resource, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::Bench;

pub(crate) const SERVERS: usize = 0;
pub(crate) const LOAD: usize = 1;

pub(crate) fn prepare() -> Result<(), String> {
    for (program, package) in
        [("wrk", "wrk"), ("initdb", "postgresql"), ("postgres", "postgresql"), ("psql", "postgresql-client")]
    {
        if output(program, &["--version"]).is_none() {
            return Err(format!("`{program}` is not on PATH; Debian's package {package} has it"));
        }
    }
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        return Err("it takes two processors: one for the servers, one for the load".to_owned());
    }
    // For a thousand connections, in this process and in its children.
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum;
    setrlimit(Resource::Nofile, files).map_err(|error| format!("could not raise `ulimit -n`: {error}"))
}

pub(crate) fn pin(processor: usize) {
    let mut set = CpuSet::new();
    set.set(processor);
    sched_setaffinity(None, &set).expect("the machine has two processors");
}

pub(crate) fn description(bench: &Bench) -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let say = |program, arguments: &[_]| output(program, arguments).unwrap_or_default();
    let word = |text: &str, at: usize| text.split_whitespace().nth(at).unwrap_or_default().to_owned();
    let peers = ["hyper", "tokio", "axum", "tower-http", "actix-web", "actix-cors", "deadpool-postgres"];
    let peers: Vec<_> = peers.iter().map(|name| format!("{name} {}", locked(name))).collect();
    format!(
        "Machine: {} processors ({model}), Linux {}, PostgreSQL {} on loopback without TLS, rustc {}, {}; wrk {}. \
         The service at commit {}. Rounds: {} of {} s. Date: {}.",
        cpuinfo.lines().filter(|line| line.starts_with("processor")).count(),
        kernel.trim(),
        word(&say("postgres", &["--version"]), 2),
        word(&say("rustc", &["--version"]), 1),
        peers.join(", "),
        word(&say("wrk", &["--version"]), 1),
        say("git", &["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty=, changed"]).trim(),
        bench.rounds,
        bench.seconds,
        say("date", &["--utc", "+%F"]).trim(),
    )
}

/// The version of a crate in the peers' lock file; the service's own should agree.
fn locked(name: &str) -> &'static str {
    let lines = include_str!("../Cargo.lock").lines();
    let mut lines = lines.skip_while(|line| line.strip_prefix("name = ") != Some(&format!("\"{name}\"")));
    let version = lines.nth(1).and_then(|line| line.strip_prefix("version = "));
    version.map_or("unknown", |version| version.trim_matches('"'))
}

/// `wrk --version` ends with 1.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    String::from_utf8(output.stdout).ok()
}
