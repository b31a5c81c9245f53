//! Files that are made from the code, committed, and verified by a test that also mends them.

mod readme;

use std::path::{Path, PathBuf};

use rulebound::catalogue::Catalogue;

/// One generated file.
#[derive(Debug)]
pub struct Generated {
    /// Its path from the root of the workspace.
    pub path: String,
    /// Its contents.
    pub text: String,
}

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every generated file, made anew.
pub fn files() -> Vec<Generated> {
    let catalogue = Catalogue::new();
    let json = serde_json::to_string_pretty(&catalogue).unwrap_or_default();
    vec![
        Generated { path: "schemas/catalogue.json".into(), text: json + "\n" },
        Generated { path: "README.md".into(), text: readme::text(&catalogue) },
    ]
}
