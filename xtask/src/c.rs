//! The C library: its build, its installation, its tests, and its runner of transcripts.

#[path = "../../bindings/c/src/abi.rs"]
mod abi;
mod program;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, cargo, cargo_with, root, target};
use program::{C11, CPP17, Linked, Program, is_there};

/// What a program that links the archive links beside it: what Rust's own library is made on.
const PRIVATE: [&str; 6] = ["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"];

const RUNNER: Program<'_> = Program { source: "tests/transcript", language: C11, linked: Linked::Shared, beside: &[] };

/// Builds the library, installs it below the target folder, and compiles the runner of transcripts.
pub(crate) fn build() -> Outcome {
    install(&home())?;
    RUNNER.compile().map(drop)
}

/// The runner of transcripts, which `build` has made.
pub(crate) fn runner() -> Command {
    let mut command = Command::new(RUNNER.path());
    command.env("LD_LIBRARY_PATH", home().join("lib"));
    command
}

/// Builds the library and puts it, its headers and its pkg-config file below a prefix.
pub(crate) fn install(prefix: &Path) -> Outcome {
    cargo(&["build", "--quiet", "--profile", "binding", "--package", "rulebound-c"])?;
    let files = || -> std::io::Result<()> {
        let (built, lib, include) = (target().join("binding"), prefix.join("lib"), prefix.join("include"));
        fs::create_dir_all(lib.join("pkgconfig"))?;
        fs::create_dir_all(&include)?;
        for header in fs::read_dir(root().join("bindings/c/include"))? {
            let header = header?;
            fs::copy(header.path(), include.join(header.file_name()))?;
        }
        fs::copy(built.join("librulebound_c.a"), lib.join("librulebound.a"))?;
        let (shared, link) = (lib.join(soname()), lib.join("librulebound.so"));
        // A program that runs keeps the old file; one that is copied over would be pulled from under it.
        let _ = (fs::remove_file(&shared), fs::remove_file(&link));
        fs::copy(built.join("librulebound_c.so"), shared)?;
        std::os::unix::fs::symlink(soname(), link)?;
        fs::write(lib.join("pkgconfig/rulebound.pc"), description())
    };
    files().map_err(|error| format!("{}: {error}", prefix.display()))
}

/// The name under which programs ask for the shared library.
fn soname() -> String {
    format!("librulebound.so.{}", abi::RULEBOUND_ABI)
}

/// The pkg-config file, which finds the library wherever the whole prefix is moved to.
fn description() -> String {
    format!(
        "prefix=${{pcfiledir}}/../..\nName: rulebound\n\
         Description: The rules of subscription-payment providers as one embeddable library\nVersion: {}\n\
         Cflags: -I${{prefix}}/include\nLibs: -L${{prefix}}/lib -lrulebound\nLibs.private: {}\n",
        env!("CARGO_PKG_VERSION"),
        PRIVATE.join(" ")
    )
}

/// Everything that the library promises: in both languages, linked both ways, and under every checker.
pub(crate) fn test() -> Outcome {
    build()?;
    let archive = home().join("lib/librulebound.a");
    for source in ["tests/calls", "tests/threads"] {
        for linked in [Linked::Shared, Linked::Static(&archive)] {
            Program::new(source, C11, linked).check()?;
            Program::new(source, CPP17, linked).check()?;
        }
        if is_there("valgrind", &["--version"]) {
            Program::new(source, C11, Linked::Static(&archive)).check_memory()?;
        } else {
            println!("without valgrind, which is not there");
        }
    }
    let asks = fs::read(Program::new("tests/calls", C11, Linked::Shared).path()).map_err(|error| error.to_string())?;
    if !asks.windows(soname().len()).any(|bytes| bytes == soname().as_bytes()) {
        return Err(format!("a program that is linked with the shared library does not ask for {}", soname()));
    }
    examples(Linked::Shared)?;
    sanitized()
}

/// The programs that the README shows, which print what it says.
fn examples(linked: Linked<'_>) -> Outcome {
    let database = target().join("c/shop.db");
    let _ = fs::remove_file(&database);
    Program::new("examples/first", C11, linked).check_output(&[])?;
    if !is_there("pkg-config", &["--exists", "sqlite3"]) {
        println!("without the host on SQLite, whose headers pkg-config does not find");
        return Ok(());
    }
    let host = Program { source: "examples/host", language: C11, linked, beside: &["sqlite3"] };
    host.check_output(&[&database])
}

/// The same, with the library and its callers watched by the sanitizers; only this build can be made to panic.
fn sanitized() -> Outcome {
    let host = host()?;
    let build = ["build", "--quiet", "--package", "rulebound-c", "--features", "panics", "--target", &host];
    cargo_with(&build, &[("RUSTC_BOOTSTRAP", "1"), ("RUSTFLAGS", "-Zsanitizer=address")])?;
    let archive = target().join(host).join("debug/librulebound_c.a");
    for source in ["tests/calls", "tests/threads", "tests/panics"] {
        Program::new(source, C11, Linked::Sanitized(&archive)).check()?;
        Program::new(source, CPP17, Linked::Sanitized(&archive)).check()?;
    }
    examples(Linked::Sanitized(&archive))
}

/// What a call costs, beside an empty one.
pub(crate) fn bench() -> Outcome {
    build()?;
    Program::new("benches/call", C11, Linked::Shared).check()
}

/// Where the library is installed for the tests.
fn home() -> PathBuf {
    target().join("c/installed")
}

/// The platform that this machine is, as the compiler names it.
fn host() -> Result<String, String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsStr::new("rustc").to_owned());
    let output = Command::new(rustc).arg("-vV").output().map_err(|error| format!("rustc did not start: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned).ok_or("rustc names no host".into())
}
