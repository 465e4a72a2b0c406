//! What the system knows of a process.

use std::collections::BTreeMap;
use std::fs;

/// How long each thread of some processes has run, in nanoseconds, as the scheduler counts it.
pub(crate) struct Times(BTreeMap<String, u64>);

impl Times {
    pub(crate) fn of(processes: &[u32]) -> Self {
        let threads = processes.iter().flat_map(|process| {
            let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
            tasks.filter_map(|task| {
                let times = fs::read_to_string(task.path().join("schedstat")).ok()?;
                Some((task.file_name().into_string().ok()?, times.split(' ').next()?.parse().ok()?))
            })
        });
        Self(threads.collect())
    }

    /// In microseconds. A thread that has ended since then took nothing worth counting.
    pub(crate) fn since(&self, before: &Self) -> f64 {
        let ran = |(thread, now): (&String, &u64)| now.saturating_sub(*before.0.get(thread).unwrap_or(&0));
        self.0.iter().map(ran).sum::<u64>() as f64 / 1e3
    }

    /// Since they began, in microseconds.
    pub(crate) fn total(&self) -> f64 {
        self.since(&Self(BTreeMap::new()))
    }
}

/// Bytes of memory.
pub(crate) fn resident(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("every process has it");
    let kilobytes = line.trim().trim_end_matches(" kB").parse::<u32>().expect("a number of kB");
    f64::from(kilobytes) * 1024.0
}

/// A process and what it has started.
pub(crate) fn family(process: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    [process].into_iter().chain(children).collect()
}
