//! The library as a WebAssembly module.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{files, made, tools};
use crate::{Outcome, cargo_command, root, run, target};

pub(super) const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's packages of a compiler and the sources of its standard library, and how those begin that they need.
const DEBIAN: [&str; 2] = ["rustc-web", "rust-web-src"];
const NEEDED: [&str; 4] = ["rustc-web", "rust-web-src", "libstd-rust-web-", "libllvm"];

/// A compiler for WebAssembly.
enum Compiler {
    /// The toolchain's own, which has the target.
    Own,
    /// Debian's, in a folder: it compiles the standard library first.
    Debian(PathBuf),
}

/// The module, if it is built.
pub(super) fn built() -> Option<PathBuf> {
    let module = target().join(TARGET).join("wasm/rulebound_node.wasm");
    module.exists().then_some(module)
}

pub(super) fn build() -> Outcome {
    let Some(compiler) = compiler() else {
        println!("skipped: WebAssembly, for which there is no compiler; `cargo xtask dist --wasm` gets one");
        return Ok(());
    };
    let mut cargo = cargo_command();
    cargo.args(["build", "--locked", "--package", "rulebound-node", "--profile", "wasm", "--target", TARGET]);
    if let Compiler::Debian(folder) = compiler {
        cargo.arg("-Zbuild-std=std,panic_abort").env("RUSTC_BOOTSTRAP", "1").env("RUSTC", folder.join("usr/bin/rustc"));
        cargo.env("LD_LIBRARY_PATH", folder.join("usr/lib/x86_64-linux-gnu"));
        cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker()?);
    }
    run(cargo.current_dir(root()))
}

/// A compiler that is installed.
fn compiler() -> Option<Compiler> {
    let folder = tools::printed(rustc().args(["--print", "target-libdir", "--target", TARGET])).ok();
    if folder.is_some_and(|folder| Path::new(folder.trim()).exists()) {
        return Some(Compiler::Own);
    }
    let has_sources = |folder: &PathBuf| folder.join("usr/lib/rustlib/src/rust/library/std").exists();
    [home(), PathBuf::from("/")].into_iter().find(has_sources).map(Compiler::Debian)
}

/// The linker of the toolchain, which Debian's compiler comes without.
fn linker() -> Result<PathBuf, String> {
    let sysroot = tools::printed(rustc().args(["--print", "sysroot"]))?;
    Ok(Path::new(sysroot.trim()).join("lib/rustlib").join(crate::host()?).join("bin/rust-lld"))
}

fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// Unpacks Debian's compiler below `target`, if there is none. Nothing is installed.
pub(super) fn get_compiler() -> Outcome {
    if compiler().is_some() {
        return Ok(());
    }
    let packages = home().with_file_name("rust-web-packages");
    made(&packages)?;
    made(&home())?;
    let only = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"].map(|it| format!("--no-{it}"));
    let mut cache = Command::new("apt-cache");
    let listed = tools::printed(cache.args(["depends", "--recurse"]).args(only).args(DEBIAN))?;
    let needed = listed.lines().filter(|line| NEEDED.iter().any(|it| line.starts_with(it)));
    run(Command::new("apt-get").args(["download", "--quiet"]).args(needed).current_dir(&packages))?;
    for package in files(&packages)? {
        run(Command::new("dpkg").arg("-x").arg(&package).arg(home()))?;
    }
    fs::remove_dir_all(&packages).map_err(|error| format!("{}: {error}", packages.display()))
}

fn home() -> PathBuf {
    target().join("dist-tools/rust-web")
}
