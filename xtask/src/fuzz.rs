//! `cargo xtask fuzz`: libFuzzer on everything that reads foreign text. It writes only below `target`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use rulebound_nets::targets::{TARGETS, Target, named};

use crate::evidence::{self, Row};
use crate::{Outcome, cargo_with, host, root, target};

/// How many targets run at a time.
const AT_A_TIME: usize = 2;

/// The flags that make a program report its branches to the fuzzer, on the stable toolchain.
const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// The longest input that the fuzzer makes: longer than any text of the vectors.
const LONGEST: &str = "-max_len=8192";

/// The fuzzer's report of a run without a failure.
struct Ran {
    runs: u64,
    branches: u64,
}

/// Fuzzes every target for its share of the minutes, and continues where the last run ended.
pub(crate) fn run(minutes: &str) -> Outcome {
    let minutes: u64 = minutes.parse().map_err(|_| format!("`{minutes}` is not a number of minutes"))?;
    if !has_cpp() {
        return Err("libFuzzer is built from C++: install a C++ compiler (g++ or clang++), or name one in `CXX`".into());
    }
    build()?;
    let seconds = minutes * 60 * AT_A_TIME as u64 / TARGETS.len() as u64;
    let time = format!("-max_total_time={}", seconds.max(1));
    let ran = all(|it| fuzz(it, &home().join("corpus").join(it.name), &[&time, "-timeout=20", LONGEST]))?;
    let figure = |(it, ran): (&Target, &Ran)| format!("{}: {} runs, {} branches", it.name, ran.runs, ran.branches);
    let figures: Vec<_> = TARGETS.iter().zip(&ran).map(figure).collect();
    evidence::record(&Row {
        promise: "No text causes a panic, and every saved snapshot loads",
        method: "libFuzzer, guided by coverage, with the vectors as seeds; `tests/nets/src/targets/mod.rs` has the promise of each target",
        figure: &format!("no failure in {minutes} minutes: {}", figures.join("; ")),
        command: &format!("cargo xtask fuzz {minutes}"),
    })
}

/// A few runs, the same each time: fixed seeds, a fixed number, and a separate corpus.
pub(crate) fn smoke() -> Outcome {
    if !has_cpp() {
        println!("skipped: libFuzzer, for which there is no C++ compiler; its targets ran on their seeds alone");
        return Ok(());
    }
    build()?;
    let ran = all(|it| {
        let corpus = home().join("smoke").join(it.name);
        let _ = fs::remove_dir_all(&corpus);
        fuzz(it, &corpus, &[&format!("-runs={}", it.smoke), "-seed=1", "-timeout=20", LONGEST])
    })?;
    println!("fuzzed {} targets, {} runs", TARGETS.len(), ran.iter().map(|it| it.runs).sum::<u64>());
    Ok(())
}

/// Runs a target on files without the fuzzer, such as on the input of a failure.
pub(crate) fn replay(name: &str, files: &[&str]) -> Outcome {
    let it = named(name).ok_or_else(|| {
        let names: Vec<_> = TARGETS.iter().map(|it| it.name).collect();
        format!("there is no target `{name}`, only {}", names.join(", "))
    })?;
    for file in files {
        (it.run)(&fs::read(file).map_err(|error| format!("{file}: {error}"))?);
        println!("{file}: no failure");
    }
    Ok(())
}

fn build() -> Outcome {
    let manifest = root().join("fuzz/Cargo.toml").display().to_string();
    let (host, folder) = (host()?, home().display().to_string());
    let build =
        ["build", "--release", "--locked", "--manifest-path", &manifest, "--target", &host, "--target-dir", &folder];
    // Only code for the target is instrumented: neither build scripts nor macros are.
    cargo_with(&build, &[("RUSTFLAGS", COVERAGE)])
}

/// Every target, a few at a time. The first failure ends the rest.
fn all(fuzz: impl Fn(&Target) -> Result<Ran, String> + Sync) -> Result<Vec<Ran>, String> {
    let mut ran = Vec::new();
    for some in TARGETS.chunks(AT_A_TIME) {
        ran.extend(thread::scope(|scope| {
            let threads: Vec<_> = some.iter().map(|it| scope.spawn(|| fuzz(it))).collect();
            let ended = threads.into_iter().map(|it| it.join().unwrap_or_else(|_| Err("a thread ended early".into())));
            ended.collect::<Result<Vec<_>, _>>()
        })?);
    }
    Ok(ran)
}

fn fuzz(it: &Target, corpus: &Path, arguments: &[&str]) -> Result<Ran, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", it.name);
    fs::create_dir_all(corpus).map_err(failed)?;
    for (number, seed) in (it.seeds)().iter().enumerate() {
        fs::write(corpus.join(format!("seed-{number:05}")), seed).map_err(failed)?;
    }
    let program = home().join(host()?).join("release/target");
    let artifact = home().join(format!("{}-", it.name));
    let mut command = Command::new(program);
    command
        .arg(corpus)
        .args(arguments)
        .arg("-print_final_stats=1")
        .arg(format!("-artifact_prefix={}", artifact.display()));
    command.env("RULEBOUND_TARGET", it.name).stdout(Stdio::null()).stderr(Stdio::piped());
    let output = command.output().map_err(failed)?;
    let printed = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let last: Vec<_> =
            printed.lines().filter(|line| !["#", "INFO:", "WARNING:"].iter().any(|it| line.starts_with(it))).collect();
        let file = last.iter().find_map(|line| line.split("Test unit written to ").nth(1)).unwrap_or("FILE");
        let excerpt = last.iter().take(12).copied().collect::<Vec<_>>().join("\n");
        return Err(format!("{} failed\n{excerpt}\nagain: cargo xtask fuzz {} {file}", it.name, it.name));
    }
    let number = |text: &str| text.split_whitespace().next().and_then(|it| it.parse().ok());
    let last = |mark: &str| printed.rsplit(mark).next().and_then(number).unwrap_or_default();
    let ran = Ran { runs: last("stat::number_of_executed_units:"), branches: last(" cov: ") };
    println!("{}: {} runs, {} branches", it.name, ran.runs, ran.branches);
    Ok(ran)
}

/// Whether there is a compiler for libFuzzer itself.
fn has_cpp() -> bool {
    let named = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
    Command::new(named).arg("--version").output().is_ok_and(|it| it.status.success())
}

fn home() -> PathBuf {
    target().join("fuzz")
}
