//! The one task runner: `cargo xtask test`, `vectors DIR`, `codegen`, `bench`, `explore`.

mod c;
mod codegen;
mod dist;
mod evidence;
mod files;
mod fuzz;
mod mutants;
mod node;
mod parity;
mod planted;
mod postgres;
mod python;
mod scratch;
mod suites;
mod venv;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use rulebound_tests::vectors;

use postgres::Durability;

const HELP: &str = "\
cargo xtask test                     formatting, lints, documentation, the build without std, and every test suite
cargo xtask test c|node|python|host  only the suite of one binding, or of the host kit for Rust
cargo xtask test dashboard           only the dashboard's page and its API
cargo xtask vectors DIR [LANGUAGE]   run the conformance vectors of a folder, in any language
cargo xtask parity [SEQUENCES]       compare every language with Rust, byte for byte
cargo xtask codegen                  write the generated files anew
cargo xtask bench                    measure against hand-written code, side by side in one run
cargo xtask bench wasm               measure the library as WebAssembly beside the binary, in Node
cargo xtask bench node-host          measure the workers of the Node kit beside the same loop by hand
cargo xtask bench python-host        measure the workers of the Python kit beside the same loop by hand
cargo xtask bench host [DUE WAITING] the throughput of the host kit for Rust beside the same loop by hand
cargo xtask bench simulator [PART]    the simulator's load: rate, year and memory, or only one of them
cargo xtask explore                  the exploration with a wider bound, and more random sequences
cargo xtask simulate [JOURNEYS]      random journeys of the core against the simulator: 1000 of each flow by default
cargo xtask simulate FLOW NUMBER     one journey again
cargo xtask planted [JOURNEYS]        plant faults in a copy of the core that the journeys must find: 300 by default
cargo xtask fuzz [MINUTES]           fuzz everything that reads foreign text: 10 minutes by default
cargo xtask fuzz TARGET FILE...      run one target on files, such as the input of a failure
cargo xtask evidence                 try the promises of EVIDENCE.md again, and write its rows
cargo xtask mutants [N [SEED]]       plant N faults, each of which a test must notice: 40 by default
cargo xtask install-c PREFIX         build the C library and install it
cargo xtask dist [PART...]           build what a release publishes for this platform into target/dist
cargo xtask dist --check [PART...]   install each of it where there is no Rust, and run its README's first example
cargo xtask dist --sizes             the size of each of it, beside its bound";

/// A step that failed, by its name.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // What tries the host kits has a PostgreSQL of its own for as long as it runs.
    let around = match words.as_slice() {
        ["test"] | ["test", "host" | "node" | "python"] => postgres::around(&words, Durability::Skipped),
        ["bench", "host" | "node-host" | "python-host", ..] => postgres::around(&words, Durability::Real),
        _ => None,
    };
    let outcome = around.unwrap_or_else(|| carry_out(&words));
    scratch::remove();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(words: &[&str]) -> Outcome {
    match words {
        ["test"] => suites::all(),
        ["test", "c"] => c::test(),
        ["test", "dashboard"] => node::dashboard(),
        ["test", "host"] => suites::host_kit(),
        ["test", "node"] => node::test(),
        ["test", "python"] => python::test(),
        ["vectors", folder] | ["vectors", folder, "rust"] => run_vectors(Path::new(folder)),
        ["vectors", folder, language] => parity::vectors(Path::new(folder), language),
        ["parity"] => cargo(&["run", "--release", "--package", "xtask", "--", "parity", "100000"]),
        ["parity", sequences] => sequences.parse().map_err(|_| HELP.into()).and_then(parity::run),
        ["codegen"] => codegen::codegen(),
        ["bench"] => bench(),
        ["bench", "wasm"] => node::bench_wasm(),
        ["bench", "node-host"] => node::bench_host(),
        ["bench", "python-host"] => python::bench_host(),
        ["bench", "host", numbers @ ..] => bench_host(numbers),
        ["bench", "simulator", parts @ ..] => bench_simulator(parts),
        ["dist", arguments @ ..] => dist::run(arguments),
        ["install-c", arguments @ ..] => c::install(arguments),
        ["explore"] => explore(),
        ["simulate", arguments @ ..] => simulate(arguments),
        ["planted"] => planted::run_all("300"),
        ["planted", journeys] => planted::run_all(journeys),
        ["evidence"] => evidence::all(),
        ["mutants"] => mutants::run_drawn("40", None),
        ["mutants", count] => mutants::run_drawn(count, None),
        ["mutants", count, seed] => mutants::run_drawn(count, Some(seed)),
        ["fuzz"] => fuzz::run("10"),
        ["fuzz", minutes] => fuzz::run(minutes),
        ["fuzz", target, files @ ..] => fuzz::replay(target, files),
        _ => Err(format!("usage:\n{HELP}")),
    }
}

fn run_vectors(folder: &Path) -> Outcome {
    let report = vectors::run_folder(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    self::report(&report)
}

fn report(report: &vectors::Report) -> Outcome {
    for failed in &report.failed {
        println!("{failed}");
    }
    println!("{} passed, {} failed", report.passed, report.failed.len());
    if report.failed.is_empty() { Ok(()) } else { Err("some vectors failed".into()) }
}

fn bench() -> Outcome {
    cargo(&["run", "--release", "--package", "rulebound-benches", "--bin", "ratios"])?;
    c::bench()?;
    node::bench()?;
    python::bench()
}

/// The throughput of the host kit for Rust. It fails below its bound.
fn bench_host(numbers: &[&str]) -> Outcome {
    let bench = ["bench", "--package", "rulebound-host", "--bench", "throughput", "--"];
    cargo(&[&bench[..], numbers].concat())
}

/// The load that the simulator takes. It fails where a bound is missed.
fn bench_simulator(parts: &[&str]) -> Outcome {
    let bench = ["bench", "--package", "rulebound-simulator", "--bench", "load", "--"];
    cargo(&[&bench[..], parts].concat())
}

/// Random journeys of the core against the simulator.
fn simulate(arguments: &[&str]) -> Outcome {
    let run = ["run", "--quiet", "--package", "rulebound-against", "--bin", "simulate", "--"];
    cargo(&[&run[..], arguments].concat())
}

fn explore() -> Outcome {
    let tests = ["test", "--release", "--package", "rulebound-tests", "--test", "exploration", "--test", "hostile"];
    cargo_with(&tests, &[("RULEBOUND_WIDTH", "10"), ("PROPTEST_CASES", "4096")])
}

fn cargo(arguments: &[&str]) -> Outcome {
    cargo_with(arguments, &[])
}

/// The packages of Rust that are tested. Cargo compiles what they share once for all of them if they are named together: the
/// features of a dependency are those that any named package asks for.
const TOGETHER: [&str; 7] = [
    "rulebound",
    "rulebound-tests",
    "rulebound-nets",
    "xtask",
    "rulebound-simulator",
    "rulebound-against",
    "rulebound-host",
];

fn cargo_together(arguments: &[&str]) -> Outcome {
    let packages = TOGETHER.iter().flat_map(|it| ["--package", it]);
    cargo(&arguments.iter().copied().chain(packages).collect::<Vec<_>>())
}

/// Builds the simulator's program, which the tests of the bindings start.
fn build_simulator() -> Outcome {
    cargo_together(&["build", "--quiet", "--bin", "rulebound-simulator"])
}

/// For a program that is only compiled to be tried, and has little to do.
const UNOPTIMIZED: (&str, &str) = ("CARGO_PROFILE_DEV_OPT_LEVEL", "0");

/// The cargo that runs this.
fn cargo_command() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn cargo_with(arguments: &[&str], environment: &[(&str, &str)]) -> Outcome {
    println!("$ cargo {}", arguments.join(" "));
    let mut command = cargo_command();
    command.args(arguments).envs(environment.iter().copied()).current_dir(root());
    run(&mut command)
}

/// Runs a command to its end.
fn run(command: &mut Command) -> Outcome {
    if let Some(folder) = scratch::folder() {
        command.env("TMPDIR", folder);
    }
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{command:?}` ended with {status}")),
        Err(error) => Err(format!("`{command:?}` did not start: {error}")),
    }
}

/// Makes a link to a file; where links need rights of their own, a copy.
fn link(file: &Path, at: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::symlink(file, at);
    #[cfg(not(unix))]
    return std::fs::copy(file, at).map(drop);
}

/// The folder of everything that is built.
fn target() -> PathBuf {
    root().join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// The root of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The platform of this machine, as the compiler names it.
fn host() -> Result<String, String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsStr::new("rustc").to_owned());
    let output = Command::new(rustc).arg("-vV").output().map_err(|error| format!("rustc did not start: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned).ok_or("rustc names no host".into())
}
