//! The tree in which faults are planted: a copy, so that the work tree never has a fault.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::home;
use crate::{Outcome, root};

/// What the tests of the core need.
const PARTS: [&str; 7] = ["core", "tests", "schemas", "README.md", "Cargo.toml", "Cargo.lock", "CHANGELOG.md"];

/// Updates the copy. An unchanged file keeps its time, so that it is not built again.
pub(super) fn tree() -> Outcome {
    let mut kept = BTreeSet::new();
    for part in PARTS {
        copy(Path::new(part), &mut kept)?;
    }
    remove_others(&home().join("tree"), &kept)
}

fn copy(path: &Path, kept: &mut BTreeSet<String>) -> Outcome {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let from = root().join(path);
    if from.is_dir() {
        for entry in fs::read_dir(&from).map_err(failed)?.flatten() {
            let name = entry.file_name();
            if name != "target" {
                copy(&path.join(name), kept)?;
            }
        }
        return Ok(());
    }
    let contents = fs::read(&from).map_err(failed)?;
    let contents = match path.to_str() {
        Some("Cargo.toml") => edited(&contents, workspace)?,
        Some("core/src/providers/mod.rs") => edited(&contents, declared)?,
        _ => contents,
    };
    let to = home().join("tree").join(path);
    kept.insert(to.display().to_string());
    if fs::read(&to).is_ok_and(|have| have == contents) {
        return Ok(());
    }
    fs::create_dir_all(to.parent().unwrap_or(&to)).map_err(failed)?;
    fs::write(&to, contents).map_err(failed)
}

fn edited(contents: &[u8], edit: fn(&str) -> Option<String>) -> Result<Vec<u8>, String> {
    let text = String::from_utf8_lossy(contents);
    edit(&text).map(String::into_bytes).ok_or_else(|| "cannot prepare the tree for cargo-mutants".into())
}

/// The workspace with only the members that the tests of the core need.
fn workspace(text: &str) -> Option<String> {
    let members = r#""core", "tests", "tests/nets""#;
    let line = |line: &str| match line {
        _ if line.starts_with("members = ") => format!("members = [{members}]"),
        _ if line.starts_with("default-members = ") => format!("default-members = [{members}]"),
        _ => line.to_owned(),
    };
    Some(text.lines().map(line).collect::<Vec<_>>().join("\n") + "\n")
}

/// The providers' modules declared outside their macro, since cargo-mutants does not look into one.
fn declared(text: &str) -> Option<String> {
    let inside = "$(#[cfg(feature = $feature)] pub mod $provider;)+";
    let list = text.split_once("\nproviders! {\n")?.1.split_once("\n}")?.0;
    let names = list.lines().filter_map(|line| line.split_whitespace().nth(1));
    let modules: String = names.map(|name| format!("pub mod {name};\n")).collect();
    text.contains(inside).then(|| format!("{}\n{modules}", text.replace(inside, "")))
}

fn remove_others(folder: &Path, kept: &BTreeSet<String>) -> Outcome {
    for entry in fs::read_dir(folder).map_err(|error| error.to_string())?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            remove_others(&path, kept)?;
        } else if !kept.contains(&path.display().to_string()) {
            fs::remove_file(&path).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

#[test]
fn each_provider_is_declared() {
    let text = fs::read_to_string(root().join("core/src/providers/mod.rs")).unwrap();
    let declared = declared(&text).unwrap();
    for provider in rulebound_tests::providers() {
        assert!(declared.contains(&format!("\npub mod {provider};\n")), "{provider}");
    }
}
