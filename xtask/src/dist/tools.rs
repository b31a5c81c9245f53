//! The programs that build and check a release, in a virtual environment below `target`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::{Outcome, root, target, venv};

/// A tool, with its environment's programs first on the path.
pub(super) fn command(name: &str) -> Result<Command, String> {
    let mut command = Command::new(program_of_tools(name)?);
    command.env("PATH", path()).env("CARGO_TARGET_DIR", target()).current_dir(root());
    Ok(command)
}

/// Where a tool is.
pub(super) fn program_of_tools(name: &str) -> Result<PathBuf, String> {
    static MADE: OnceLock<Outcome> = OnceLock::new();
    MADE.get_or_init(|| venv::make(&home(), &root().join("xtask/dist/requirements.txt"))).clone()?;
    std::path::absolute(programs().join(name)).map_err(|error| error.to_string())
}

fn path() -> OsString {
    let before = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths([programs()].into_iter().chain(std::env::split_paths(&before))).unwrap_or(before)
}

fn programs() -> PathBuf {
    venv::programs(&home())
}

fn home() -> PathBuf {
    target().join("dist-tools")
}

/// What a command prints; its complaints are an error.
pub(super) fn printed(command: &mut Command) -> Result<String, String> {
    printed_bytes(command).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

pub(super) fn printed_bytes(command: &mut Command) -> Result<Vec<u8>, String> {
    let output = command.output().map_err(|error| format!("`{command:?}` did not start: {error}"))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let [out, complaints] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    Err(format!("`{command:?}` ended with {}\n{out}{complaints}", output.status))
}

/// A program of npm's, whose name ends otherwise on Windows.
pub(super) fn program(name: &str) -> Command {
    Command::new(if cfg!(windows) { format!("{name}.cmd") } else { name.to_owned() })
}

/// Where a program is, if it is on the path.
pub(super) fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| Path::is_file(file))
}
