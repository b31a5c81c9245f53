//! The crates, as a program of others that needs them. Only this needs Rust.

use std::process::Command;

use super::super::crates::CRATES;
use super::super::{VERSION, made, stage, tools, write};
use super::{block, built, same};
use crate::{Outcome, cargo_command, run, target};

pub(super) fn check() -> Outcome {
    let folder = stage("crates")?;
    for name in CRATES {
        let file = built("crates", &format!("{name}-{VERSION}"), ".crate")?;
        run(Command::new("tar").arg("-xzf").arg(&file).arg("-C").arg(&folder))?;
    }
    let patches = CRATES.map(|name| format!("{name} = {{ path = \"../{name}-{VERSION}\" }}\n")).concat();
    let needed =
        format!("rulebound = \"{VERSION}\"\nrulebound-host = {{ version = \"{VERSION}\", features = [\"axum\"] }}\n");
    let package =
        "[package]\nname = \"first\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n";
    write_program(&folder.join("first"), &format!("{package}{needed}\n[patch.crates-io]\n{patches}"))?;
    let mut cargo = cargo_command();
    cargo.args(["run", "--quiet"]).current_dir(folder.join("first")).env("CARGO_TARGET_DIR", target());
    let printed = tools::printed(&mut cargo)?;
    same("the first example for Rust, from the crates", &printed, "")?;
    let mut simulator = cargo_command();
    simulator.args(["check", "--quiet"]).current_dir(folder.join(format!("rulebound-simulator-{VERSION}")));
    run(simulator.env("CARGO_TARGET_DIR", target()))
}

/// The README's first program, whose hidden lines have a mark of the documentation's.
fn write_program(folder: &std::path::Path, manifest: &str) -> Outcome {
    made(&folder.join("src"))?;
    let shown = block("core/README.md", "rust")?;
    let program: String = shown.lines().map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line))).collect();
    write(&folder.join("src/main.rs"), format!("use rulebound_host as _;\n{program}"))?;
    write(&folder.join("Cargo.toml"), manifest)
}
