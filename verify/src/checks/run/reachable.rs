//! The target answers at all.

use crate::model::check::{Ask, Check, Needs, Reading, Severity, Verdict};
use crate::model::probe::Probe;

pub(super) const CHECK: Check = Check {
    id: "run.target.reachable",
    severity: Severity::High,
    needs: Needs::Nothing,
    rule: "The target answers its health path.",
    rationale: "Nothing can be proved about a service that does not answer; a closed port is not a passed check.",
    remedy: "Check the URL, the DNS name, the certificate and the deployment's logs; `--wait 60s` waits for a starting service.",
    references: &["https://www.rfc-editor.org/rfc/rfc9110#section-3.4"],
    requirements: &["FR-007"],
    ask: |subject| Ask::one(Probe::get(subject.health()), "deployment.url"),
    judge: |_, exchanges| Verdict::of_each(exchanges, |_, _| Reading::Holds),
    passes: &["HTTP/1.1 200 OK", "HTTP/1.1 503 Service Unavailable"],
    fails: &[],
};
