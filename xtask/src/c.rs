//! The C library: its build, its installation, its tests, and its runner of transcripts.

#[path = "../../bindings/c/src/abi.rs"]
mod abi;
mod install;
mod program;
mod readme;
mod symbols;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::{Outcome, UNOPTIMIZED, cargo_with, host, target};
use install::soname;
pub(crate) use install::{Built, install, lay_out};
use program::{C11, CPP17, Linked, Program, is_there};
pub(crate) use symbols::only_own_symbols;

const RUNNER: Program<'_> = Program { source: "tests/transcript", language: C11, linked: Linked::Shared, beside: &[] };

/// Builds the library, installs it below the target folder, and compiles the runner of transcripts.
pub(crate) fn build() -> Outcome {
    install::place(&home())?;
    RUNNER.compile().map(drop)
}

/// The runner of transcripts, which `build` has made.
pub(crate) fn runner() -> Command {
    let mut command = Command::new(RUNNER.path());
    command.env("LD_LIBRARY_PATH", home().join("lib"));
    command
}

/// Every test of the library: in both languages, with both ways of linking, and under every checker.
pub(crate) fn test() -> Outcome {
    build()?;
    only_own_symbols(&home())?;
    let archive = home().join("lib/librulebound.a");
    for source in ["tests/calls", "tests/threads"] {
        for linked in [Linked::Shared, Linked::Static(&archive)] {
            Program::new(source, C11, linked).check()?;
            Program::new(source, CPP17, linked).check()?;
        }
        if is_there("valgrind", &["--version"]) {
            Program::new(source, C11, Linked::Static(&archive)).check_memory()?;
        } else {
            println!("skipped: valgrind, which is not installed");
        }
    }
    for language in [C11, CPP17] {
        Program::new("tests/ignored", language, Linked::Shared).warns("unused-")?;
    }
    let program =
        fs::read(Program::new("tests/calls", C11, Linked::Shared).path()).map_err(|error| error.to_string())?;
    if !program.windows(soname().len()).any(|bytes| bytes == soname().as_bytes()) {
        return Err(format!("a program that is linked with the shared library does not need {}", soname()));
    }
    examples(Linked::Shared)?;
    readme::follow()?;
    sanitized()
}

/// The programs of the README, which must print what it says.
fn examples(linked: Linked<'_>) -> Outcome {
    let database = target().join("c/shop.db");
    let _ = fs::remove_file(&database);
    Program::new("examples/first", C11, linked).check_output(&[], "first.txt")?;
    if !is_there("pkg-config", &["--exists", "sqlite3"]) {
        println!("skipped: the host on SQLite, whose headers pkg-config does not find");
        return Ok(());
    }
    let host = Program { source: "examples/host", language: C11, linked, beside: &["sqlite3"] };
    host.check_output(&[&database], "host.txt")?;
    host.check_output(&[&database], "host_again.txt")
}

/// The same tests under the sanitizers. Only this build can panic on request.
fn sanitized() -> Outcome {
    let host = host()?;
    let build = ["build", "--quiet", "--package", "rulebound-c", "--features", "panics", "--target", &host];
    cargo_with(&build, &[UNOPTIMIZED, ("RUSTC_BOOTSTRAP", "1"), ("RUSTFLAGS", "-Zsanitizer=address")])?;
    let archive = target().join(host).join("debug/librulebound_c.a");
    for source in ["tests/calls", "tests/threads", "tests/panics"] {
        Program::new(source, C11, Linked::Sanitized(&archive)).check()?;
        Program::new(source, CPP17, Linked::Sanitized(&archive)).check()?;
    }
    examples(Linked::Sanitized(&archive))
}

/// What a call costs, compared with an empty one.
pub(crate) fn bench() -> Outcome {
    build()?;
    Program::new("benches/call", C11, Linked::Shared).check()
}

/// Where the library is installed for the tests.
fn home() -> PathBuf {
    target().join("c/installed")
}
