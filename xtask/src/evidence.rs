//! `EVIDENCE.md`: each promise, how it was tried, and the result. Its own command writes each row.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::{Outcome, cargo_command, root};

/// One row.
pub(crate) struct Row<'a> {
    /// The promise, which identifies the row.
    pub(crate) promise: &'a str,
    /// How the promise was tried.
    pub(crate) method: &'a str,
    /// The result.
    pub(crate) figure: &'a str,
    /// The command that tries it again.
    pub(crate) command: &'a str,
}

/// A promise with a test. The test prints its figures in lines that contain `figure`.
struct Tried {
    promise: &'static str,
    method: &'static str,
    figure: &'static str,
    arguments: &'static [&'static str],
    histories: &'static str,
}

const TRIED: [Tried; 3] = [
    Tried {
        promise: "A reply proves only what it says",
        method: "every operation against every kind of reply, in every position; `tests/samples`, written from the documents, says what counts",
        figure: " replies in ",
        arguments: &["--package", "rulebound-tests", "--test", "answers"],
        histories: "",
    },
    Tried {
        promise: "The result does not depend on the order of webhooks, nor on how often each arrives",
        method: "every run of webhooks in the vectors, in every order and with repeats",
        figure: " runs of webhooks in ",
        arguments: &["--package", "rulebound-tests", "--test", "permutations"],
        histories: "",
    },
    Tried {
        promise: "Nothing is charged, refunded or delivered twice, no customer who has paid is locked out, and no row is forgotten",
        method: "random histories of three workers, crashes, losses and backups, counted at a model of each provider",
        figure: " histories",
        arguments: &["--release", "--package", "rulebound-nets", "--test", "histories"],
        histories: "20000",
    },
];

/// Tries every promise that a test tries, and writes its row.
pub(crate) fn all() -> Outcome {
    for it in &TRIED {
        let command = [&["test"], it.arguments].concat().join(" ");
        println!("$ cargo {command}");
        let mut run = cargo_command();
        run.arg("test").args(it.arguments).args(["--", "--nocapture", "--test-threads=2"]).current_dir(root());
        if !it.histories.is_empty() {
            run.env("RULEBOUND_HISTORIES", it.histories);
        }
        let output = run.output().map_err(|error| error.to_string())?;
        let printed = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            return Err(format!("cargo {command} failed\n{printed}"));
        }
        let mut figures: Vec<_> = printed.lines().filter(|line| line.contains(it.figure)).map(str::trim).collect();
        figures.sort_unstable();
        let figure = figures.join("; ");
        record(&Row { promise: it.promise, method: it.method, figure: &figure, command: "cargo xtask evidence" })?;
    }
    Ok(())
}

/// Replaces the row with the same promise, or adds the row below the others.
pub(crate) fn record(row: &Row<'_>) -> Outcome {
    let text = fs::read_to_string(file()).map_err(|error| format!("EVIDENCE.md: {error}"))?;
    let Row { promise, method, figure, command } = row;
    let line = format!("| {promise} | {method} | {figure} ({}) | `{command}` |", commit());
    println!("{line}");
    fs::write(file(), with(&text, promise, &line)).map_err(|error| format!("EVIDENCE.md: {error}"))
}

/// The text with the row of the same promise replaced.
fn with(text: &str, promise: &str, row: &str) -> String {
    let start = format!("| {promise} |");
    let mut lines: Vec<_> = text.lines().collect();
    match lines.iter().position(|line| line.starts_with(&start)) {
        Some(index) => lines[index] = row,
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
