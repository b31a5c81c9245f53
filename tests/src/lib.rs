//! What the tests share, here and in other languages: runners, samples and a survey of the vectors.

pub mod alphabet;
pub mod explore;
pub mod mutate;
pub mod parity;
pub mod rows;
pub mod survey;
pub mod trace;
pub mod vectors;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A snapshot from a golden file of the first format. Panics if there is no such file.
pub fn golden(flow: &str, file: &str) -> Value {
    let path = root().join("tests/golden").join(flow).join("1").join(file).with_extension("json");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut golden: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    golden["snapshot"].take()
}

/// The names of every provider.
pub fn providers() -> impl Iterator<Item = &'static str> {
    rulebound::PROVIDERS.iter().map(|provider| provider.name)
}
