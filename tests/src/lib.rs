//! What keeps the library true: runners that its tests, and other languages' tests, share.

pub mod alphabet;
pub mod explore;
pub mod mutate;
pub mod parity;
pub mod rows;
pub mod survey;
pub mod trace;
pub mod vectors;

use std::path::{Path, PathBuf};

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The names of every provider.
pub fn providers() -> impl Iterator<Item = &'static str> {
    rulebound::PROVIDERS.iter().map(|it| it.name)
}
