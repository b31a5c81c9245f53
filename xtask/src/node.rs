//! The Node binding: built as a host would install it, and tested. It writes only below `target`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::files::{block, copy, files, write};
use crate::{Outcome, UNOPTIMIZED, build_simulator, dist, root, run, target};

/// The page whose examples are tried, from the root.
const README: &str = "bindings/node/README.md";
/// The projects that use the binding: one to test it, one to test the host kit, one to measure it.
const CONSUMER: &str = "test/consumer";
const HOST: &str = "test/host";
const PEERS: &str = "bench";
/// The tests of the dashboard, from the root.
const DASHBOARD: &str = "host/dashboard/test";
/// The browser of the dashboard's tests, unless `RULEBOUND_CHROMIUM` names another.
const CHROMIUM: &str = "/usr/bin/chromium";

/// Builds the binary as it is released, and copies it into the package. Once in a run.
pub(crate) fn build() -> Outcome {
    static BUILT: OnceLock<Outcome> = OnceLock::new();
    BUILT.get_or_init(|| run(node().arg("scripts/build.cjs"))).clone()
}

/// Every test of the binding.
pub(crate) fn test() -> Outcome {
    build()?;
    build_simulator()?;
    let tests = tests_in(&binding().join("test"))?;
    // One of them builds a binary that panics.
    run(node().envs([UNOPTIMIZED]).args(["--test", "--test-reporter", "spec"]).args(tests))?;
    dashboard_tests()?;
    let consumer = project(&binding().join(CONSUMER), "consumer")?;
    write(&consumer.join("readme.mts"), block(README, "ts")?)?;
    for configuration in ["tsconfig.json", "tsconfig.bundler.json", "tsconfig.readme.json"] {
        run(npm("npx", &consumer).args(["--no", "--", "tsc", "--project", configuration]))?;
    }
    let printed = node().arg("readme.mjs").current_dir(&consumer).output().map_err(|error| error.to_string())?;
    let (printed, expected) = (String::from_utf8_lossy(&printed.stdout), block(README, "text")?);
    if printed != expected {
        return Err(format!("the README's example printed\n{printed}and not\n{expected}"));
    }
    dist::smoke_npm(&target().join("binding/librulebound_node.so"), &consumer.join("readme.mjs"))?;
    host()
}

/// The host kit: its types, the suite on both databases, killed workers, and what the README shows.
fn host() -> Outcome {
    let project = project(&binding().join(HOST), "host")?;
    run(npm("npx", &project).args(["--no", "--", "tsc", "--project", "tsconfig.json"]))?;
    run(npm("node", &project).args(["--test", "--test-reporter", "spec"]).args(tests_in(&project)?))
}

/// Only the tests of the dashboard.
pub(crate) fn dashboard() -> Outcome {
    build()?;
    dashboard_tests()
}

/// The dashboard's API, and its page in a browser. The binding must be built.
fn dashboard_tests() -> Outcome {
    let folder = project(&root().join(DASHBOARD), "dashboard")?;
    let chromium = std::env::var_os("RULEBOUND_CHROMIUM").map_or_else(|| CHROMIUM.into(), PathBuf::from);
    let mut tests = vec!["api.test.mjs"];
    if chromium.exists() {
        tests.push("page.test.mjs");
    } else {
        println!("skipped: the dashboard's page is not tested, because {} is missing", chromium.display());
    }
    let root = root().canonicalize().map_err(|error| error.to_string())?;
    let mut command = npm("node", &folder);
    command.env("RULEBOUND_ROOT", root).env("RULEBOUND_CHROMIUM", chromium);
    run(command.args(["--test", "--test-reporter", "spec"]).args(tests))
}

/// The runner of scripts. The binding must be built.
pub(crate) fn runner() -> Command {
    let mut command = node();
    command.arg("test/transcript.mjs");
    command
}

/// The same runner, with the library as WebAssembly, which `cargo xtask dist` has put together.
pub(crate) fn wasm_runner() -> Command {
    let mut command = runner();
    command.arg(dist::wasm_package().join("node.mjs"));
    command
}

/// Measures the library as WebAssembly beside the binary.
pub(crate) fn bench_wasm() -> Outcome {
    build()?;
    dist::build_wasm()?;
    run(node().arg("bench/wasm.mjs").arg(dist::wasm_package().join("node.mjs")))
}

/// Measures the binding, an empty call, and what a host would write without the binding.
pub(crate) fn bench() -> Outcome {
    build()?;
    let peers = project(&binding().join(PEERS), "bench")?;
    run(node().arg("bench.mjs").current_dir(peers))
}

/// Measures the host kit's workers beside the same loop by hand.
pub(crate) fn bench_host() -> Outcome {
    build()?;
    let project = project(&binding().join(HOST), "host")?;
    copy(&binding().join("bench/host"), &project)?;
    run(node().arg("throughput.mjs").current_dir(project))
}

/// A project of the binding, copied below `target`, with its dependencies and the binding itself.
fn project(source: &Path, name: &str) -> Result<PathBuf, String> {
    let folder = target().join("node").join(name);
    for file in files(source)? {
        copy(&file, &folder.join(file.file_name().unwrap_or_default()))?;
    }
    run(npm("npm", &folder).args(["ci", "--no-audit", "--no-fund", "--loglevel", "error"]))?;
    let install = ["install", "--no-save", "--no-audit", "--no-fund", "--loglevel", "error"];
    run(npm("npm", &folder).args(install).arg(binding()))?;
    Ok(folder)
}

fn node() -> Command {
    npm("node", &binding())
}

fn npm(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("CARGO_TARGET_DIR", target());
    command
}

/// The programs of Node's test runner in a folder.
fn tests_in(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let is_test = |path: &PathBuf| path.to_string_lossy().ends_with(".test.mjs");
    files(folder).map(|all| all.into_iter().filter(is_test).collect())
}

fn binding() -> PathBuf {
    root().join("bindings/node")
}
