//! The commands of the README, typed as a reader would type them, in an empty home.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::program::is_there;
use crate::{Outcome, root, target};

/// The programs that a reader copies, and the output of each: in the first run, and in later ones.
const PROGRAMS: [(&str, [&str; 2]); 2] =
    [("first", ["first.txt", "first.txt"]), ("host", ["host.txt", "host_again.txt"])];

/// The beginnings of commands outside a block, which no test would run.
const ELSEWHERE: [&str; 4] = ["`cargo ", "`cc ", "`pkg-config ", "* cc "];

/// Follows the README from its beginning to its end, and compares the output with the expected one.
pub(super) fn follow() -> Outcome {
    if !is_there("pkg-config", &["--version"]) {
        println!("skipped: the commands of the README, which need pkg-config");
        return Ok(());
    }
    let folder = root().join("bindings/c");
    let text = read(&folder.join("README.md"))?;
    if let Some(line) = text.lines().find(|line| ELSEWHERE.iter().any(|it| line.contains(it))) {
        return Err(format!("the README shows a command outside a block of `sh`: {line}"));
    }
    let home = target().join("c/reader");
    let _ = fs::remove_dir_all(&home);
    fs::create_dir_all(&home).map_err(|error| error.to_string())?;
    for (program, _) in PROGRAMS {
        let source = format!("{program}.c");
        fs::copy(folder.join("examples").join(&source), home.join(source)).map_err(|error| error.to_string())?;
    }
    let lines: Vec<_> = blocks(&text).into_iter().filter(|block| can_follow(block)).flat_map(str::lines).collect();
    let (printed, expected) = (run(&lines, &home)?, expected(&lines, &folder.join("examples"))?);
    match printed == expected && !expected.is_empty() {
        true => Ok(()),
        false => Err(format!("following the README printed\n{printed}and not\n{expected}")),
    }
}

/// The commands, block by block.
fn blocks(text: &str) -> Vec<&str> {
    text.split("\n```sh\n").skip(1).filter_map(|it| it.split_once("\n```").map(|(block, _)| block)).collect()
}

/// Whether this machine has what a block needs beside the library.
fn can_follow(block: &str) -> bool {
    let sqlite = !block.contains("./host") || is_there("pkg-config", &["--exists", "sqlite3"]);
    let libc = !block.contains(" -static ") || has_static_libc();
    if !sqlite || !libc {
        println!("skipped: these commands of the README, whose tools are not installed:\n{block}");
    }
    sqlite && libc
}

/// Whether a program can be linked without any shared library.
fn has_static_libc() -> bool {
    let path = Command::new("cc").arg("-print-file-name=libc.a").output();
    path.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_absolute())
}

/// Runs the lines in one shell, and returns the output. `cargo` runs in the checkout.
fn run(lines: &[&str], home: &Path) -> Result<String, String> {
    let command = |line: &&str| match line.starts_with("cargo ") {
        true => format!("(cd '{}' && {line}) >&2\n", root().display()),
        false => format!("{line}\n"),
    };
    let script = home.join("commands.sh");
    fs::write(&script, lines.iter().map(command).collect::<String>()).map_err(|error| error.to_string())?;
    let mut shell = Command::new("sh");
    shell.arg("-ev").arg(&script).current_dir(home).stderr(Stdio::inherit());
    shell.env_remove("PKG_CONFIG_PATH").env_remove("LD_LIBRARY_PATH");
    // The new home has no toolchain.
    shell.env("CARGO_HOME", folder_of("CARGO_HOME", ".cargo")).env("RUSTUP_HOME", folder_of("RUSTUP_HOME", ".rustup"));
    shell.env("HOME", home).env("CARGO_TARGET_DIR", target());
    let output = shell.output().map_err(|error| format!("sh did not start: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("following the README ended with {}", output.status)),
    }
}

/// The folder of a tool: by its variable, or below the real home.
fn folder_of(variable: &str, folder: &str) -> OsString {
    let below_home = || PathBuf::from(env::var_os("HOME").unwrap_or_default()).join(folder).into();
    env::var_os(variable).unwrap_or_else(below_home)
}

/// What the programs that are run must print, one after the other.
fn expected(lines: &[&str], examples: &Path) -> Result<String, String> {
    let mut printed = String::new();
    let mut runs = [0; PROGRAMS.len()];
    for word in lines.iter().flat_map(|line| line.split_whitespace()) {
        for ((program, files), runs) in PROGRAMS.iter().zip(&mut runs) {
            if word.strip_prefix("./") == Some(program) {
                printed += &read(&examples.join(files[usize::from(*runs > 0)]))?;
                *runs += 1;
            }
        }
    }
    Ok(printed)
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}
