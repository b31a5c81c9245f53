//! Virtual environments of Python, with the packages that a file lists.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::files::{read, write};
use crate::{Outcome, run};

/// Makes an environment in a folder, unless it is up to date.
pub(crate) fn make(home: &Path, requirements: &Path) -> Outcome {
    let python = programs(home).join("python");
    if !python.exists() {
        let system = if cfg!(windows) { "python" } else { "python3" };
        run(Command::new(system).args(["-m", "venv"]).arg(home))?;
    }
    let (wanted, stamp) = (read(requirements)?, home.join("requirements.txt"));
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    let install = ["-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--requirement"];
    run(Command::new(python).args(install).arg(requirements))?;
    write(&stamp, wanted)
}

/// The folder of an environment's programs.
pub(crate) fn programs(home: &Path) -> PathBuf {
    home.join(if cfg!(windows) { "Scripts" } else { "bin" })
}
