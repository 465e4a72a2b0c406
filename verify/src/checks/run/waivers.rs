//! Every waiver is needed and current.

use crate::model::check::{Ask, Check, Needs, Severity, Verdict};

/// `report` makes its verdict, after every other finding has been matched with its waiver.
pub(crate) const CHECK: Check = Check {
    id: "run.waivers.current",
    severity: Severity::Low,
    needs: Needs::Nothing,
    rule: "Every waiver of the profile is needed, and none has expired.",
    rationale: "A waiver that outlives its reason also accepts the next failure, without a decision.",
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
    judge: |_, _| Verdict::Inconclusive("no check that has a waiver was judged".to_owned()),
    passes: &[],
    fails: &[],
};
