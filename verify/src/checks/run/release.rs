//! The deployed release is the one that answers.

use profiles::Profile;

use crate::model::check::{Ask, Check, Needs, Reading, Severity, Verdict};
use crate::model::exchange::Response;
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "run.release.matches",
    severity: Severity::High,
    needs: Needs::Nothing,
    rule: "The running release is the expected one.",
    rationale: "A deployment that silently kept the old build passes every other check with the old behaviour.",
    remedy: "Wait until the new release is live, and send its commit in the header that `deployment.release_header` \
             names. FastAPI, Express: set it in a middleware from `RAILWAY_GIT_COMMIT_SHA`. Here: the server sends it \
             whenever that variable is set.",
    references: &["https://docs.railway.com/variables/reference"],
    requirements: &["FR-007", "FR-014"],
    ask: |subject| match subject.expected_release {
        Some(_) => Ask::one(Probe::get(subject.health()), "deployment.release_header"),
        None => Ask::skip("no release to expect; give --expect-release"),
    },
    judge: |subject, exchanges| {
        let expected = subject.expected_release.as_deref().unwrap_or_default();
        Verdict::of_each(exchanges, |_, response| match runs_release(subject.profile(), response, expected) {
            Ok(()) => Reading::Holds,
            Err(observed) => Reading::Broken(observed),
        })
    },
    passes: &["HTTP/1.1 200 OK\nx-release: 4f2c1e9aa0", "HTTP/1.1 200 OK\nx-release: 4f2c1e9"],
    fails: &["HTTP/1.1 200 OK\nx-release: 0000000", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK\nx-release: 4"],
};

/// Whether the answer comes from that release; else the release that it names.
pub(crate) fn runs_release(profile: &Profile, response: &Response, expected: &str) -> Result<(), String> {
    let name = profile.deployment.release_header.as_str();
    match response.header(name) {
        // Short commits are common: either may be a prefix of the other, from seven characters on.
        Some(release) if same_commit(&release, expected) => Ok(()),
        Some(release) => Err(format!("{name} is `{release}`; expected `{expected}`")),
        None => Err(format!("there is no {name} header; expected `{expected}`")),
    }
}

fn same_commit(one: &str, other: &str) -> bool {
    one == other || (one.len().min(other.len()) >= 7 && (one.starts_with(other) || other.starts_with(one)))
}
