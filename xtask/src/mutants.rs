//! `cargo xtask mutants`: faults planted by cargo-mutants, each of which a test must notice.

mod progress;
mod tree;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use rulebound_nets::chance::bytes_of;
use serde_json::Value;

use crate::evidence::{self, Row};
use crate::{Outcome, cargo, cargo_command, root, run, target};
use progress::Progress;
use tree::tree;

/// The version of cargo-mutants whose names the list of survivors has.
const VERSION: &str = "27.1.0";
/// The default seed by which mutants are drawn.
const SEED: u64 = 20_261_128;
/// The files that decide about money: the kernel, and every provider except its pages.
const FILES: [&str; 6] = [
    "core/src/snapshot/**",
    "core/src/effect/**",
    "core/src/flow/**",
    "core/src/fact.rs",
    "core/src/config/mod.rs",
    "core/src/providers/*/**",
];
const NOT: [&str; 2] = ["**/pages.rs", "**/toy.rs"];
/// Functions that only describe, or print.
const NOT_IN: [&str; 3] = ["fmt::Debug for", "fmt::Display for", "schemars::JsonSchema for"];
/// The tests that run first for each mutant: the quick ones that notice most.
const FIRST: [&str; 6] =
    ["--test-package=rulebound-tests", "--", "--test=vectors", "--test=bounds", "--test=impossible", "--test=rust_api"];
/// The other tests, for the mutants that the first ones have not noticed.
const REST: [&str; 16] = [
    "--test-package=rulebound",
    "--test-package=rulebound-tests",
    "--test-package=rulebound-nets",
    "--",
    "--lib",
    "--test=answers",
    "--test=permutations",
    "--test=exploration",
    "--test=golden",
    "--test=malformed",
    "--test=hostile",
    "--test=digits",
    "--test=renewals",
    "--test=history",
    "--test=histories",
    "--test=seeds",
];

/// A fault that could be planted.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Mutant {
    file: String,
    line: usize,
    /// Its name with its line, as cargo-mutants lists it.
    name: String,
    /// What it changes, and the line that it changes: both stay when lines move.
    key: String,
}

/// Plants a number of faults, drawn by a seed. Fails for one that no test notices, unless it is listed as equivalent.
pub(crate) fn run_drawn(count: &str, seed: Option<&str>) -> Outcome {
    let count: usize = count.parse().map_err(|_| format!("`{count}` is not a number of mutants"))?;
    let seed = seed.map_or(Ok(SEED), |it| it.parse().map_err(|_| format!("`{it}` is not a seed")))?;
    install()?;
    tree()?;
    // Loaded first, because the results are about the copied source, even if the work tree changes meanwhile.
    let mut known = Progress::load()?;
    let all = list()?;
    let drawn = draw(&all, count, seed);
    println!("{} of {} mutants, drawn by the seed {seed}", drawn.len(), all.len());
    baseline(&FIRST)?;
    baseline(&REST)?;
    let new: Vec<_> = drawn.iter().filter(|it| !known.is_settled(&it.name)).collect();
    println!("{} of them are known from before", drawn.len() - new.len());
    plant(&new, "first", &FIRST, &mut known)?;
    let missed: Vec<_> = drawn.iter().filter(|it| known.missed.contains(&it.name)).collect();
    plant(&missed, "rest", &REST, &mut known)?;
    report(&all, &drawn, &known, seed)
}

/// Reports the result, and whether each survivor is listed.
fn report(all: &[Mutant], drawn: &[Mutant], found: &Progress, seed: u64) -> Outcome {
    let listed = survivors()?;
    let known: BTreeSet<_> = all.iter().map(|it| it.key.as_str()).collect();
    let stale: Vec<_> = listed.iter().filter(|it| !known.contains(it.as_str())).collect();
    let missed: Vec<_> = drawn.iter().filter(|it| found.missed.contains(&it.name)).collect();
    let new: Vec<_> = missed.iter().filter(|it| !listed.contains(&it.key)).collect();
    let tried = drawn.iter().filter(|it| !found.unviable.contains(&it.name)).count();
    let caught = tried - missed.len();
    new.iter().for_each(|it| println!("survives: {}\n  listed as: {}", it.name, it.key));
    stale.iter().for_each(|it| println!("listed, and no longer a mutant: {it}"));
    if !new.is_empty() || !stale.is_empty() {
        return Err(format!(
            "{} mutants survive and are not listed, {} lines of the list are stale",
            new.len(),
            stale.len()
        ));
    }
    let equivalent = missed.len();
    evidence::record(&Row {
        promise: "A test notices a fault in the code that decides about money",
        method: "cargo-mutants over the kernel and the providers; equivalent ones with their reasons in `tests/survivors.txt`",
        figure: &format!("{tried} mutants of {} tried, {caught} noticed, {equivalent} equivalent", all.len()),
        command: &format!("cargo xtask mutants {} {seed}", drawn.len()),
    })
}

/// Mutants drawn by a seed, in the order of the files, so that little is built again from one to the next.
fn draw(all: &[Mutant], count: usize, seed: u64) -> Vec<Mutant> {
    let bytes = bytes_of(seed, all.len() * 8);
    let number = |eight: &[u8]| eight.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let mut drawn: Vec<_> = bytes.chunks(8).map(number).zip(all).collect();
    drawn.sort();
    drawn.truncate(count);
    let mut drawn: Vec<_> = drawn.into_iter().map(|(_, it)| it.clone()).collect();
    drawn.sort();
    drawn
}

/// Plants mutants, and adds the results.
fn plant(mutants: &[&Mutant], name: &str, tests: &[&str], known: &mut Progress) -> Outcome {
    if mutants.is_empty() {
        return Ok(());
    }
    let out = home().join(name);
    fs::create_dir_all(&out).map_err(|error| error.to_string())?;
    let config = out.join("config.toml");
    let patterns: Vec<_> = mutants.iter().map(|it| format!("  '''^{}$'''", escaped(&it.name))).collect();
    let text = format!("examine_re = [\n{}\n]\n", patterns.join(",\n"));
    fs::write(&config, text).map_err(|error| error.to_string())?;
    let mut command = mutants_command();
    // The baseline was tried already, with these very tests.
    command.args(["--in-place", "--no-shuffle", "--colors=never", "--baseline=skip", "--timeout=300", "--config"]);
    let diff = out.join("lines.diff");
    fs::write(&diff, lines(mutants)?).map_err(|error| error.to_string())?;
    command.arg(config).arg("--in-diff").arg(diff).arg("--output").arg(&out).args(filters()).args(tests);
    match command.status().map_err(|error| error.to_string())?.code() {
        // 2: some were missed; 3: some ran out of time, which is noticed.
        Some(0 | 2 | 3) => {}
        code => return Err(format!("cargo-mutants ended with {code:?}; see {}", out.display())),
    }
    let planted = known.add_run(name);
    known.save()?;
    if planted < mutants.len() {
        return Err(format!("{planted} of {} mutants were planted; see {}", mutants.len(), out.display()));
    }
    Ok(())
}

/// A diff that adds the lines of these mutants: what a pattern does not leave out, such as fields, is left out so.
fn lines(mutants: &[&Mutant]) -> Result<String, String> {
    let places: BTreeSet<_> = mutants.iter().map(|it| (it.file.as_str(), it.line)).collect();
    let (mut diff, mut last) = (String::new(), "");
    for (file, line) in places {
        let source = fs::read_to_string(home().join("tree").join(file)).map_err(|error| format!("{file}: {error}"))?;
        if file != last {
            diff += &format!("--- a/{file}\n+++ b/{file}\n");
            last = file;
        }
        let text = source.lines().nth(line - 1).unwrap_or_default();
        diff += &format!("@@ -{},0 +{line},1 @@\n+{text}\n", line - 1);
    }
    Ok(diff)
}

/// Every mutant of the files that decide about money. Fails if a provider has none.
fn list() -> Result<Vec<Mutant>, String> {
    let output = mutants_command().args(["--list", "--json"]).args(filters()).output();
    let output = output.map_err(|error| error.to_string())?;
    let listed: Value = serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo-mutants: {error}"))?;
    let text = |it: &Value, name: &str| it[name].as_str().unwrap_or_default().to_owned();
    let mut all = Vec::new();
    for it in listed.as_array().into_iter().flatten() {
        let (file, name) = (text(it, "file"), text(it, "name"));
        let line = it["span"]["start"]["line"].as_u64().and_then(|it| usize::try_from(it).ok()).unwrap_or(1);
        let source = fs::read_to_string(home().join("tree").join(&file)).unwrap_or_default();
        let changed = source.lines().nth(line - 1).unwrap_or_default().trim();
        let does = name.splitn(4, ':').nth(3).unwrap_or_default().trim();
        all.push(Mutant { key: format!("{file} | {does} | {changed}"), file, line, name });
    }
    for provider in rulebound_tests::providers() {
        let folder = format!("core/src/providers/{provider}/");
        if !all.iter().any(|it| it.file.starts_with(&folder)) {
            return Err(format!("cargo-mutants finds nothing below {folder}"));
        }
    }
    Ok(all)
}

/// The keys of the mutants that are listed as equivalent.
fn survivors() -> Result<BTreeSet<String>, String> {
    let text = fs::read_to_string(root().join("tests/survivors.txt")).map_err(|error| format!("survivors: {error}"))?;
    // The reason is below each mutant, indented.
    let lines = text.lines().filter(|line| !line.starts_with(['#', ' ']) && !line.is_empty());
    Ok(lines.map(str::to_owned).collect())
}

fn filters() -> Vec<String> {
    let mut filters = vec!["--package=rulebound".to_owned()];
    filters.extend(FILES.map(|it| format!("--file={it}")));
    filters.extend(NOT.map(|it| format!("--exclude={it}")));
    filters.extend(NOT_IN.map(|it| format!("--exclude-re={it}")));
    filters
}

/// A regular expression that matches exactly a text.
fn escaped(text: &str) -> String {
    // Other letters must not be escaped: `\<` is the start of a word, for example.
    let has_meaning = |it: &char| r"\.+*?()|[]{}^$#&-~".contains(*it);
    text.chars().flat_map(|it| has_meaning(&it).then_some('\\').into_iter().chain([it])).collect()
}

fn mutants_command() -> Command {
    let mut command = Command::new(target().join("tools/bin/cargo-mutants"));
    command.arg("mutants");
    in_tree(command)
}

/// The same command in the tree, sharing one build with every other.
fn in_tree(mut command: Command) -> Command {
    command.current_dir(home().join("tree"));
    command.env("CARGO_TARGET_DIR", home().join("target")).env("CARGO_PROFILE_DEV_DEBUG", "0");
    command
}

/// Fails unless the tests pass without a fault.
fn baseline(tests: &[&str]) -> Outcome {
    let mut command = in_tree(cargo_command());
    let packages = tests.iter().filter_map(|it| it.strip_prefix("--test-package="));
    command.args(["test", "--quiet"]).args(packages.map(|it| format!("--package={it}")));
    run(command.args(tests.iter().skip_while(|it| **it != "--").skip(1)))
}

/// Installs cargo-mutants below `target`, unless it is installed.
fn install() -> Outcome {
    let tools = target().join("tools");
    let program = tools.join("bin/cargo-mutants");
    let output = Command::new(program).args(["mutants", "--version"]).output();
    if output.is_ok_and(|it| String::from_utf8_lossy(&it.stdout).contains(VERSION)) {
        return Ok(());
    }
    let (tools, version) = (tools.display().to_string(), format!("={VERSION}"));
    cargo(&["install", "--locked", "--force", "--root", &tools, "--version", &version, "cargo-mutants"])
}

fn home() -> PathBuf {
    target().join("mutants")
}
