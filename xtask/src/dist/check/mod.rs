//! `cargo xtask dist --check`: each part of a release, installed where there is no Rust, and tried.

mod c;
mod clean;
mod crates;
mod node;
mod python;
mod simulator;

use std::path::{Path, PathBuf};

pub(super) use node::smoke_npm;

use super::{folder, tools};
use crate::files::block;
use crate::{Outcome, root};

/// What tries a part, by the part's name.
type Check = (&'static str, fn() -> Outcome);

const CHECKS: [Check; 5] = [
    ("wheel", python::check),
    ("npm", node::check),
    ("c", c::check),
    ("simulator", simulator::check),
    ("crates", crates::check),
];

pub(super) fn run(parts: &[&str]) -> Outcome {
    for (name, check) in CHECKS.iter().filter(|(name, _)| parts.contains(name)) {
        println!("\n== check of {name}");
        check().map_err(|why| format!("{name}: {why}"))?;
    }
    workflow()?;
    clean::licenses()
}

/// The syntax of the workflow that builds for every platform.
fn workflow() -> Outcome {
    let mut checker = tools::command("check-jsonschema")?;
    let schema = ["--builtin-schema", "vendor.github-workflows", ".github/workflows/release.yml"];
    crate::run(checker.args(schema).current_dir(root()))
}

/// The file of a part whose name begins and ends so.
fn built(part: &str, start: &str, end: &str) -> Result<PathBuf, String> {
    let named = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with(start) && name.ends_with(end)
    };
    let missing = || format!("there is no {start}…{end} in {}: run `cargo xtask dist`", folder(part).display());
    let found = super::files(&folder(part)).unwrap_or_default().into_iter().find(|it| named(it)).ok_or_else(missing)?;
    std::path::absolute(&found).map_err(|error| error.to_string())
}

/// Compares what a program printed with what a README says.
fn same(what: &str, printed: &str, expected: &str) -> Outcome {
    match printed == expected {
        true => {
            println!("passed: {what}");
            Ok(())
        }
        false => Err(format!("{what} printed\n{printed}and not\n{expected}")),
    }
}
