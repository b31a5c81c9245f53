//! What a release costs to download, beside its bounds.

use std::fs;
use std::path::Path;

use super::{files, folder, tools, wasm};
use crate::Outcome;

/// What the packages are meant to stay below, by the beginning and the end of their names.
const BOUNDS: [(&str, &str, u64); 3] = [
    ("rulebound-0", ".whl", 1_200_000),
    ("rulebound-linux-x64-gnu", ".tgz", 1_200_000),
    ("rulebound-wasm", ".tgz", 1_200_000),
];

/// The bound of the WebAssembly module, gzipped.
const WASM: u64 = 1_000_000;

/// Prints the size of everything that is in `target/dist`.
pub(super) fn print() -> Outcome {
    println!("\n{:>11}  {:>9}", "bytes", "bound");
    for part in ["python", "npm", "c", "simulator", "crates"] {
        for file in files(&folder(part)).unwrap_or_default() {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let bound = BOUNDS.iter().find(|(start, end, _)| name.starts_with(start) && name.ends_with(end));
            line(size(&file)?, bound.map(|it| it.2), &format!("{part}/{name}"));
        }
    }
    match wasm::built() {
        Some(module) => {
            let packed = tools::printed_bytes(std::process::Command::new("gzip").args(["-9", "-c"]).arg(&module))?;
            line(
                packed.len() as u64,
                Some(WASM),
                &format!("rulebound.wasm, gzipped; {} bytes as it is", size(&module)?),
            );
        }
        None => println!("{:>11}  {:>9}  rulebound.wasm", "not built", ""),
    }
    Ok(())
}

fn line(bytes: u64, bound: Option<u64>, name: &str) {
    let missed = if bound.is_some_and(|it| bytes > it) { ": missed" } else { "" };
    println!("{bytes:>11}  {:>9}  {name}{missed}", bound.map(|it| it.to_string()).unwrap_or_default());
}

fn size(file: &Path) -> Result<u64, String> {
    fs::metadata(file).map(|it| it.len()).map_err(|error| format!("{}: {error}", file.display()))
}
