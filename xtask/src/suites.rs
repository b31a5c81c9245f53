//! `cargo xtask test`: every suite, the quick ones first, and how long each took.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rulebound::PROVIDERS;

use crate::{
    Outcome, c, cargo, cargo_together, cargo_with, fuzz, node, parity, python, root, run, run_vectors, target,
};

/// How many random sequences every test run compares with Rust; `cargo xtask parity` takes many more.
const SMOKE: u64 = 2000;

/// A suite by its name in the report, and what it runs.
type Suite = (&'static str, fn() -> Outcome);

const ALL: [Suite; 13] = [
    ("formatting", || cargo(&["fmt", "--all", "--check"])),
    ("lints", || cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])),
    ("documentation", documentation),
    ("without std", no_std),
    ("each provider and each database alone", each_alone),
    ("Rust", rust),
    ("fuzz targets", fuzz::smoke),
    ("tour", tour),
    ("vectors", || run_vectors(&root().join("tests/vectors"))),
    ("C", c::test),
    ("Node", node::test),
    ("Python", python::test),
    ("every language beside Rust", || parity::compare_all(SMOKE)),
];

/// Runs every suite, also after one that failed, and reports all of them.
pub(crate) fn all() -> Outcome {
    let ran: Vec<_> = ALL.iter().map(measured).collect();
    println!();
    for (name, took, outcome) in &ran {
        println!("{:>6} s  {name}: {}", took.as_secs(), if outcome.is_ok() { "passed" } else { "FAILED" });
    }
    let total: Duration = ran.iter().map(|(_, took, _)| *took).sum();
    let failed: Vec<_> =
        ran.iter().filter_map(|(name, _, it)| Some(format!("{name}: {}", it.as_ref().err()?))).collect();
    if failed.is_empty() {
        println!("everything passed, in {} s", total.as_secs());
        return Ok(());
    }
    Err(failed.join("\n"))
}

fn measured((name, suite): &Suite) -> (&'static str, Duration, Outcome) {
    println!("\n== {name}");
    let started = Instant::now();
    let outcome = suite();
    if let Err(why) = &outcome {
        eprintln!("{name}: {why}");
    }
    (name, started.elapsed(), outcome)
}

/// Every test of the Rust packages: the core, the simulator, one against the other, and the host kit.
fn rust() -> Outcome {
    // These tests leave a core idle now and then. Cargo locks the folder of each profile by itself, so what Node and Python
    // load is built beside them; their suites wait for it.
    thread::spawn(|| node::build().and_then(|()| python::build()));
    cargo_together(&["test", "--no-fail-fast"])
}

/// The example as the tests of Rust have built it.
fn tour() -> Outcome {
    run(&mut Command::new(target().join("debug/examples/tour")))
}

/// The host kit for Rust: each database alone, the documentation, and every test.
pub(crate) fn host_kit() -> Outcome {
    each_database_alone()?;
    document("rulebound-host")?;
    cargo(&["test", "--package", "rulebound-host"])
}

fn documentation() -> Outcome {
    document("rulebound")?;
    document("rulebound-host")
}

fn document(package: &str) -> Outcome {
    cargo_with(&["doc", "--no-deps", "--package", package, "--all-features"], &[("RUSTDOCFLAGS", "-D warnings")])
}

/// Builds the core into a library without a standard library.
fn no_std() -> Outcome {
    let manifest = root().join("tests/no_std/Cargo.toml");
    let target = root().join("target");
    let (manifest, target) = (manifest.display().to_string(), target.display().to_string());
    cargo(&["build", "--quiet", "--locked", "--manifest-path", &manifest, "--target-dir", &target])
}

fn each_alone() -> Outcome {
    PROVIDERS.iter().try_for_each(|it| alone("rulebound", it.name))?;
    each_database_alone()
}

fn each_database_alone() -> Outcome {
    ["sqlite,command", "postgres"].iter().try_for_each(|it| alone("rulebound-host", it))
}

/// Compiles a package with some of its features only.
fn alone(package: &str, feature: &str) -> Outcome {
    let features = ["--no-default-features", "--features", feature];
    cargo(&[&["clippy", "--quiet", "--package", package], &features[..], &["--", "-D", "warnings"]].concat())
}
