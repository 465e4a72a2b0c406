//! Waivers are neither forgotten nor left lying about.

use crate::model::check::{Ask, Check, Needs, Severity, Verdict};

/// Its verdict is made in `report.rs`, once every other finding has looked for its waiver.
pub(crate) const CHECK: Check = Check {
    id: "run.waivers.current",
    severity: Severity::Low,
    needs: Needs::Nothing,
    rule: "Every waiver of the profile is needed, and none has expired.",
    rationale: "A waiver that outlives its reason accepts the next failure as well, and nobody decided that.",
    remedy: "Delete the waiver; or, if its check still fails, decide again and write a later day.",
    references: &[
        "https://google.github.io/osv-scanner/configuration/",
        "https://embarkstudios.github.io/cargo-deny/checks/advisories/cfg.html",
    ],
    requirements: &["FR-007"],
    ask: |subject| {
        if subject.profile().waivers.is_empty() {
            return Ask::skip("the profile waives nothing");
        }
        Ask::Everything { promise: "waivers".to_owned(), also: Vec::new() }
    },
    judge: |_, _| Verdict::Inconclusive("no check that a waiver could be needed for was judged".to_owned()),
    passes: &[],
    fails: &[],
};
