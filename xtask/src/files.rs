//! Files and folders, with the path in each error.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Outcome, root};

/// A folder that exists from now on, and is empty.
pub(crate) fn emptied(folder: PathBuf) -> Result<PathBuf, String> {
    let _ = fs::remove_dir_all(&folder);
    made(&folder).map(|()| folder)
}

/// A folder that exists from now on.
pub(crate) fn made(folder: &Path) -> Outcome {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

pub(crate) fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

pub(crate) fn write(path: &Path, contents: impl AsRef<[u8]>) -> Outcome {
    fs::write(path, contents).map_err(|error| format!("{}: {error}", path.display()))
}

/// Copies a file, or a folder with all that is in it.
pub(crate) fn copy(from: &Path, to: &Path) -> Outcome {
    if !from.is_dir() {
        made(to.parent().unwrap_or(to))?;
        return fs::copy(from, to).map(drop).map_err(|error| format!("{}: {error}", from.display()));
    }
    made(to)?;
    let entries = fs::read_dir(from).map_err(|error| format!("{}: {error}", from.display()))?;
    entries.flatten().try_for_each(|entry| copy(&entry.path(), &to.join(entry.file_name())))
}

/// The files of a folder, in order.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    paths.sort();
    Ok(paths)
}

/// The first block of a language in a README of the repository.
pub(crate) fn block(readme: &str, language: &str) -> Result<String, String> {
    let text = read(&root().join(readme))?;
    let rest = text.split_once(&format!("```{language}\n")).map(|(_, rest)| rest);
    let block = rest.and_then(|rest| rest.split_once("```"));
    block.map(|(block, _)| block.to_owned()).ok_or(format!("{readme} shows no `{language}`"))
}
