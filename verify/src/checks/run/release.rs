//! The release that was deployed is the one that answers.

use crate::check::{Ask, Check, Reading, Severity, Verdict};
use crate::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "run.release.matches",
    severity: Severity::High,
    rule: "The running release is the expected one.",
    rationale: "A deployment that silently kept the old build passes every other check with the old behaviour.",
    remedy: "Wait until the new release is live, and send its commit in the header that `deployment.release_header` names.",
    references: &["https://docs.railway.com/reference/variables"],
    requirements: &["FR-007"],
    ask: |subject| match subject.expected_release {
        Some(_) => Ask::one(Probe::get(subject.health()), "deployment.release_header"),
        None => Ask::skip("no release to expect; give --expect-release"),
    },
    judge: |subject, exchanges| {
        let name = subject.profile().deployment.release_header.as_str();
        let expected = subject.expected_release.as_deref().unwrap_or_default();
        Verdict::of_each(exchanges, |_, response| match response.header(name) {
            // Short commits are common: either may be a prefix of the other, from seven characters on.
            Some(release) if same_commit(&release, expected) => Reading::Holds,
            Some(release) => Reading::Broken(format!("{name} is `{release}`; expected `{expected}`")),
            None => Reading::Broken(format!("there is no {name} header; expected `{expected}`")),
        })
    },
    passes: &["HTTP/1.1 200 OK\nx-release: 4f2c1e9aa0", "HTTP/1.1 200 OK\nx-release: 4f2c1e9"],
    fails: &["HTTP/1.1 200 OK\nx-release: 0000000", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK\nx-release: 4"],
};

fn same_commit(one: &str, other: &str) -> bool {
    one == other || (one.len().min(other.len()) >= 7 && (one.starts_with(other) || other.starts_with(one)))
}
