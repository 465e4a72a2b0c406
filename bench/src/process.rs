//! CPU time and memory of a process, as the system counts them.

use std::collections::BTreeMap;
use std::fs;

/// The run time of each thread of some processes, in nanoseconds, as the scheduler counts it.
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

    /// In microseconds. The time of a thread that has ended since then is negligible.
    pub(crate) fn since(&self, before: &Self) -> f64 {
        let ran = |(thread, now): (&String, &u64)| now.saturating_sub(*before.0.get(thread).unwrap_or(&0));
        self.0.iter().map(ran).sum::<u64>() as f64 / 1e3
    }

    /// Since their start, in microseconds.
    pub(crate) fn total(&self) -> f64 {
        self.since(&Self(BTreeMap::new()))
    }
}

/// Resident memory, in bytes.
pub(crate) fn resident(process: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("every process has it");
    let kilobytes = line.trim().trim_end_matches(" kB").parse::<u32>().expect("a number of kB");
    f64::from(kilobytes) * 1024.0
}

/// A process and its descendants.
pub(crate) fn family(process: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    [process].into_iter().chain(children).collect()
}
