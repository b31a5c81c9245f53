//! The licences of what a release holds: ours in each package, and those of everything that is linked into it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::{copy, files, read, tools, write};
use crate::{Outcome, cargo_command, root};

/// The file of what is linked into a package.
pub(super) const THIRD_PARTY: &str = "LICENSE-THIRD-PARTY";

const OURS: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];

/// Puts our licences into a package that has nothing compiled.
pub(super) fn put_ours(folder: &Path) -> Outcome {
    OURS.iter().try_for_each(|name| copy(&root().join(name), &folder.join(name)))
}

/// Puts our licences into a package, and those of all that is linked into it from a package of the workspace.
pub(super) fn put(package: &str, target: &str, folder: &Path) -> Outcome {
    put_ours(folder)?;
    write(&folder.join(THIRD_PARTY), list(&linked(package, target)?)?)
}

/// A crate of others.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Linked {
    name: String,
    version: String,
    license: String,
    /// The folder of its sources.
    folder: String,
}

/// What is linked into a package of the workspace for a target, but for our own crates.
fn linked(package: &str, target: &str) -> Result<BTreeSet<Linked>, String> {
    let mut cargo = cargo_command();
    cargo.args(["metadata", "--locked", "--format-version", "1", "--filter-platform", target]).current_dir(root());
    let metadata: Value = serde_json::from_str(&tools::printed(&mut cargo)?).map_err(|error| error.to_string())?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages: BTreeMap<_, _> = list(&metadata["packages"]).into_iter().map(|it| (text(&it["id"]), it)).collect();
    let nodes: BTreeMap<_, _> =
        list(&metadata["resolve"]["nodes"]).into_iter().map(|it| (text(&it["id"]), list(&it["deps"]))).collect();
    let start =
        packages.iter().find(|(_, it)| it["name"] == package).ok_or(format!("there is no package {package}"))?;
    let (mut seen, mut open) = (BTreeSet::new(), vec![start.0.clone()]);
    while let Some(id) = open.pop() {
        let normal = |it: &Value| list(&it["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
        // A macro's crate runs in the compiler, and is not linked.
        let is_macro =
            |it: &Value| list(&it["targets"]).iter().any(|it| list(&it["kind"]).contains(&"proc-macro".into()));
        if packages.get(&id).is_some_and(is_macro) || !seen.insert(id.clone()) {
            continue;
        }
        let needed = nodes.get(&id).into_iter().flatten();
        open.extend(needed.filter(|it| normal(it)).map(|it| text(&it["pkg"])));
    }
    let others = seen.iter().filter_map(|id| packages.get(id)).filter(|it| !it["source"].is_null());
    Ok(others
        .map(|it| Linked {
            name: text(&it["name"]),
            version: text(&it["version"]),
            license: it["license"].as_str().unwrap_or("no licence named").to_owned(),
            folder: Path::new(it["manifest_path"].as_str().unwrap_or_default())
                .with_file_name("")
                .display()
                .to_string(),
        })
        .collect())
}

/// The list, and below it each text once, with the crates that it is of.
fn list(crates: &BTreeSet<Linked>) -> Result<String, String> {
    let mut list =
        String::from("This package has compiled parts of the following crates, besides Rust's standard library.\n\n");
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for Linked { name, version, license, folder } in crates {
        list += &format!("{name} {version}: {license}\n");
        for file in files(Path::new(folder))? {
            let file_name = file.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
            if ["LICENSE", "LICENCE", "COPYING", "UNLICENSE", "NOTICE"].iter().any(|it| file_name.starts_with(it)) {
                texts.entry(read(&file)?.trim().replace("\r\n", "\n")).or_default().push(name.clone());
            }
        }
    }
    for (text, of) in texts {
        list += &format!("\n{}\n{}\n\n{text}\n", "-".repeat(80), of.join(", "));
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_linked_is_listed_and_neither_macros_nor_tests_are() {
        let target = crate::host().unwrap_or_default();
        let names: Vec<_> = linked("rulebound-c", &target).into_iter().flatten().map(|it| it.name).collect();
        assert!(names.iter().any(|it| it == "serde_json"), "{names:?}");
        assert!(!names.iter().any(|it| ["serde_derive", "proptest", "rulebound"].contains(&it.as_str())), "{names:?}");
    }
}
