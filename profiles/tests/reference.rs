//! The generated references say what the types say.

use std::path::Path;

use profiles::reference;

#[test]
fn the_schema_for_editors_is_current() {
    is_current("profile.schema.json", &reference::schema());
}

#[test]
fn the_manual_is_current() {
    is_current("SETTINGS.md", &reference::settings());
}

#[expect(clippy::disallowed_methods, reason = "the environment says whether the test writes")]
fn is_current(file: &str, generated: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE_REFERENCES").is_some() {
        std::fs::write(&path, generated).unwrap_or_else(|error| panic!("could not write {file}: {error}"));
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "profiles/{file} is stale; `UPDATE_REFERENCES=1 cargo test -p profiles --test reference` refreshes it"
    );
}
