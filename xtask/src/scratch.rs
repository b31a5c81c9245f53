//! Temporary files of the tests in memory: thousands of small databases wait for the disk at each commit otherwise.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs};

/// Where Linux keeps files in memory, and how much of it must be free, in KiB.
const MEMORY: &str = "/dev/shm";
const FREE: u64 = 2 << 20;

/// The folder that programs get as `TMPDIR` while tests run. `None` outside tests, where somebody has chosen another folder, and where
/// there is too little memory.
pub(crate) fn folder() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER.get_or_init(make).as_deref()
}

/// Removes the folder at the end.
pub(crate) fn remove() {
    if let Some(folder) = folder() {
        let _ = fs::remove_dir_all(folder);
    }
}

fn make() -> Option<PathBuf> {
    let is_test = env::args().nth(1).is_some_and(|it| it == "test");
    if !is_test || env::var_os("TMPDIR").is_some() || free().is_none_or(|it| it < FREE) {
        return None;
    }
    let folder = Path::new(MEMORY).join(format!("rulebound-{}", std::process::id()));
    fs::create_dir_all(&folder).ok().map(|()| folder)
}

/// How many KiB are free in memory.
fn free() -> Option<u64> {
    let output = Command::new("df").args(["-Pk", MEMORY]).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()
}
