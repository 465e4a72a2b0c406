//! CHECKS.md is generated from the catalogue and fresh.
#![allow(clippy::disallowed_methods, reason = "a generated file is compared with what generates it")]

use std::path::Path;

#[test]
fn checks_md_is_fresh() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("CHECKS.md");
    let generated = verify::checks::reference::checks_markdown();
    if std::env::var_os("UPDATE_REFERENCES").is_some() {
        std::fs::write(&file, &generated).expect("the reference can be written");
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == generated,
        "CHECKS.md is stale; UPDATE_REFERENCES=1 cargo test -p verify --test reference refreshes it"
    );
}
