//! The crates, as `cargo publish` would send them.

use super::{VERSION, copy, folder};
use crate::{Outcome, cargo, target};

/// The crates that are published, each after those that it needs.
pub(super) const CRATES: [&str; 3] = ["rulebound", "rulebound-simulator", "rulebound-host"];

pub(super) fn build() -> Outcome {
    let packages: Vec<_> = CRATES.iter().flat_map(|it| ["--package", it]).collect();
    // What they hold is compiled by `dist --check`, as a program of others that needs them.
    cargo(&[&["package", "--locked", "--no-verify", "--allow-dirty"], &packages[..]].concat())?;
    CRATES.iter().try_for_each(|name| {
        let file = format!("{name}-{VERSION}.crate");
        copy(&target().join("package").join(&file), &folder("crates").join(&file))
    })
}
