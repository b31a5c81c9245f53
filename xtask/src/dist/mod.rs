//! `cargo xtask dist`: everything that a release publishes for one platform, in `target/dist`.

mod archive;
mod check;
mod crates;
mod library;
mod licenses;
mod npm;
mod platform;
mod sizes;
mod tools;
mod wasm;
mod wheel;

use std::path::{Path, PathBuf};

use platform::Platform;

use crate::files::{copy, emptied, files, made, read, write};
use crate::{Outcome, target};

/// The version of everything that is released.
const VERSION: &str = env!("CARGO_PKG_VERSION");

const USAGE: &str = "\
usage: cargo xtask dist [PART...] [--platform NAME] [--wasm]
       cargo xtask dist --check [PART...]
       cargo xtask dist --sizes
       cargo xtask dist --targets NAME
A PART is wheel, npm, wasm, c, simulator or crates: all of them by default. A NAME is that of a platform in
bindings/node/lib/platforms.json: this machine's by default. WebAssembly needs a compiler for it; `--wasm` gets Debian's, below
target, if there is none. `--targets` prints what the compiler calls a platform, and WebAssembly.";

/// A part of a release: its name, and what builds it.
type Part = (&'static str, fn(&Platform) -> Outcome);

const PARTS: [Part; 6] = [
    ("wheel", wheel::build),
    ("wasm", |_| wasm::build()),
    ("npm", npm::build),
    ("c", archive::c),
    ("simulator", archive::simulator),
    ("crates", |_| crates::build()),
];

pub(crate) fn run(words: &[&str]) -> Outcome {
    match words {
        ["--check", parts @ ..] => check::run(&chosen(parts)?),
        ["--sizes"] => sizes::print(),
        ["--targets", name] => {
            println!("{} {}", Platform::named(name)?.target, wasm::TARGET);
            Ok(())
        }
        _ => build(words),
    }
}

fn build(words: &[&str]) -> Outcome {
    let (mut parts, mut platform) = (Vec::new(), Platform::here()?);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--wasm" => wasm::get_compiler()?,
            "--platform" => platform = Platform::named(words.next().ok_or(USAGE)?)?,
            part => parts.push(part),
        }
    }
    let parts = chosen(&parts)?;
    for (name, build) in PARTS.iter().filter(|(name, _)| parts.contains(name)) {
        println!("\n== {name}, for {}", platform.name);
        build(&platform)?;
    }
    sizes::print()
}

/// Builds the library as WebAssembly, or fails.
pub(crate) fn build_wasm() -> Outcome {
    wasm::get_compiler()?;
    wasm::build()?;
    npm::Packing::release().webassembly()
}

/// Packs and installs the library for Node with a binary of this machine, and tries the README's example, which is compiled.
pub(crate) fn smoke_npm(binary: &Path, example: &Path) -> Outcome {
    check::smoke_npm(binary, example)
}

/// Where the package with it is put together.
pub(crate) fn wasm_package() -> PathBuf {
    std::path::absolute(target().join("dist-stage/npm/wasm")).unwrap_or_default()
}

/// The parts that are named, or all of them.
fn chosen(parts: &[&str]) -> Result<Vec<&'static str>, String> {
    let all = PARTS.map(|(name, _)| name);
    if let Some(wrong) = parts.iter().find(|it| !all.contains(it)) {
        return Err(format!("there is no part `{wrong}`\n{USAGE}"));
    }
    Ok(all.into_iter().filter(|it| parts.is_empty() || parts.contains(it)).collect())
}

/// The folder of a part of the release.
fn folder(part: &str) -> PathBuf {
    target().join("dist").join(part)
}

/// An empty folder in which a part of the release is put together.
fn stage(name: &str) -> Result<PathBuf, String> {
    emptied(target().join("dist-stage").join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_chosen_in_the_order_of_their_building() {
        assert_eq!(chosen(&["npm", "wheel"]), Ok(vec!["wheel", "npm"]));
        assert_eq!(chosen(&[]).map(|it| it.len()), Ok(PARTS.len()));
        assert!(chosen(&["nmp"]).is_err_and(|why| why.contains("`nmp`") && why.contains("usage")));
    }
}
