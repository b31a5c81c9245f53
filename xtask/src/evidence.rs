//! `EVIDENCE.md`: what is promised, how it was tried and what came of it, each row written by its own command.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::{Outcome, root};

/// One row.
pub(crate) struct Row<'a> {
    /// What is promised: by it the row is found again.
    pub(crate) promise: &'a str,
    /// How it was tried.
    pub(crate) method: &'a str,
    /// What came of it.
    pub(crate) figure: &'a str,
    /// What tries it again.
    pub(crate) command: &'a str,
}

/// Writes a row in the place of the one with the same promise, or below the others.
pub(crate) fn record(row: &Row<'_>) -> Outcome {
    let text = fs::read_to_string(file()).map_err(|error| format!("EVIDENCE.md: {error}"))?;
    let Row { promise, method, figure, command } = row;
    let line = format!("| {promise} | {method} | {figure} ({}) | `{command}` |", commit());
    println!("{line}");
    fs::write(file(), with(&text, promise, &line)).map_err(|error| format!("EVIDENCE.md: {error}"))
}

/// The text, with a row in the place of the one that makes the same promise.
fn with(text: &str, promise: &str, row: &str) -> String {
    let begins = format!("| {promise} |");
    let mut lines: Vec<_> = text.lines().collect();
    match lines.iter().position(|line| line.starts_with(&begins)) {
        Some(at) => lines[at] = row,
        None => lines.push(row),
    }
    lines.join("\n") + "\n"
}

/// The commit that was tried, and its date.
fn commit() -> String {
    let git = Command::new("git").args(["log", "-1", "--format=%cs, %h"]).current_dir(root()).output();
    git.map(|it| String::from_utf8_lossy(&it.stdout).trim().to_owned()).unwrap_or_default()
}

fn file() -> PathBuf {
    root().join("EVIDENCE.md")
}

#[test]
fn a_row_replaces_its_own_promise_alone() {
    let text = "# E\n\n| Promise |\n| --- |\n| a | 1 |\n| ab | 2 |\n";
    assert_eq!(with(text, "a", "| a | 3 |"), text.replace("| a | 1 |", "| a | 3 |"));
    assert_eq!(with(text, "b", "| b | 4 |"), format!("{text}| b | 4 |\n"));
}
