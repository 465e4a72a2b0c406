//! Turns the contract, which people write as YAML, into the JSON that the service serves.

use std::path::Path;

const CONTRACT: &str = "../specs/004-backend-deployment/contracts/health-check.yaml";

#[expect(clippy::disallowed_methods, reason = "cargo speaks to build scripts through the environment")]
fn main() {
    println!("cargo::rerun-if-changed={CONTRACT}");
    let text = std::fs::read_to_string(CONTRACT).unwrap_or_else(|error| panic!("{CONTRACT}: {error}"));
    let contract: serde_json::Value =
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{CONTRACT}: {error}"));
    let folder = std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    std::fs::write(Path::new(&folder).join("contract.json"), contract.to_string())
        .expect("OUT_DIR is writable");
}
