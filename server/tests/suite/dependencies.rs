//! Crates that the service must not depend on.

use std::process::Command;

use crate::support::repository;

const UNWANTED: &[&str] = &[
    "actix",
    "aws-lc",
    "axum",
    "insta",
    "native-tls",
    "openssl",
    "pglite",
    "poem",
    "reqwest",
    "rocket",
    "rustls-native-certs",
    "serde-saphyr",
    "testkit",
    "tower",
    "virtual-mio",
    "virtual-net",
    "warp",
    "wasmer",
];

#[test]
fn the_tree_holds_no_framework_and_one_tls_provider() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "-p", "server", "-e", "normal", "--prefix", "none", "--format", "{p}"])
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let names: Vec<_> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"ring") && names.contains(&"hyper"), "{tree}");
    for name in names {
        let found =
            UNWANTED.iter().find(|unwanted| name == **unwanted || name.starts_with(&format!("{unwanted}-")));
        assert_eq!(found, None, "{name}");
    }
}
