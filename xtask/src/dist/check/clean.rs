//! A place in which there is no Rust.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::{made, tools};
use crate::{Outcome, root, run, target};

/// A folder with links to a few programs, which alone are on the path.
pub(super) struct Clean {
    folder: PathBuf,
}

impl Clean {
    /// An empty place with these programs, of which each must be installed.
    pub(super) fn new(name: &str, programs: &[&str]) -> Result<Self, String> {
        let folder = std::path::absolute(target().join("dist-check").join(name)).map_err(|error| error.to_string())?;
        let _ = fs::remove_dir_all(&folder);
        let clean = Self { folder };
        made(&clean.folder.join("bin"))?;
        clean.add(programs)?;
        let rust = clean.command("/bin/sh").args(["-c", "command -v cargo rustc rustup"]).output();
        match rust.is_ok_and(|it| it.stdout.is_empty()) {
            true => Ok(clean),
            false => Err("Rust is on the path of a place that should have none".into()),
        }
    }

    /// Puts more programs of this machine there.
    fn add(&self, programs: &[&str]) -> Outcome {
        programs.iter().try_for_each(|name| {
            let at = self.folder.join("bin").join(name);
            crate::link(&found(name)?, &at).map_err(|error| format!("{name}: {error}"))
        })
    }

    /// A folder there, which exists.
    pub(super) fn place(&self, name: &str) -> Result<PathBuf, String> {
        let folder = self.folder.join(name);
        made(&folder).map(|()| folder)
    }

    /// A program there; one with a path is the one at that path.
    pub(super) fn command(&self, program: impl AsRef<Path>) -> Command {
        let program = program.as_ref();
        let path = if program.is_absolute() { program.to_owned() } else { self.folder.join("bin").join(program) };
        let mut command = Command::new(path);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO") || name.starts_with("RUST")) {
            command.env_remove(name);
        }
        command.env_remove("LD_LIBRARY_PATH").env("PATH", self.folder.join("bin")).env("HOME", &self.folder);
        // Packages of others that were fetched before need not be fetched again.
        command.env("npm_config_cache", target().join("dist-tools/npm-cache")).current_dir(&self.folder);
        command
    }
}

/// A program of this machine, but for a shim that looks for another one.
fn found(program: &str) -> Result<PathBuf, String> {
    if program == "python3" {
        let real = tools::printed(Command::new(program).args(["-c", "import sys; print(sys.executable)"]))?;
        return Ok(real.trim().into());
    }
    tools::find(program).ok_or_else(|| format!("{program} is not installed"))
}

/// What cargo-deny says of the licences, the sources and the duplicates of everything that is linked.
pub(super) fn licenses() -> Outcome {
    if tools::find("cargo-deny").is_none() {
        println!("skipped: cargo-deny, which is not installed");
        return Ok(());
    }
    let check = ["--all-features", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"];
    run(Command::new("cargo-deny").args(check).current_dir(root()))
}
