//! The simulator is a second reading: it must not depend on the core.

use std::process::Command;

#[test]
fn the_simulator_does_not_depend_on_the_core() {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let arguments = ["tree", "--offline", "--prefix", "none", "--edges", "all", "--manifest-path", manifest];
    let tree = Command::new(env!("CARGO")).args(arguments).output().unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).unwrap();
    let own: Vec<&str> = tree.lines().filter(|line| line.starts_with("rulebound")).collect();
    assert!(!own.is_empty() && own.iter().all(|line| line.starts_with("rulebound-simulator ")), "{own:?}");
}

#[test]
fn the_workspace_does_not_build_the_simulator_by_default() {
    let root = include_str!("../../../Cargo.toml");
    let defaults = root.lines().find(|line| line.starts_with("default-members")).unwrap();
    assert!(!defaults.contains("simulator"), "{defaults}");
}
