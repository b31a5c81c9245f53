//! Files that are made from the code, committed, and verified by a test that also mends them.

pub mod bundles;
mod classes;
mod defines;
pub mod derived;
mod diagrams;
mod docstrings;
mod header;
mod mermaid;
mod pages;
mod picture;
mod python;
mod quoted;
mod readme;
mod shown;
pub mod trace;
mod typescript;

use std::fs;
use std::path::{Path, PathBuf};

use rulebound::catalogue::Catalogue;

use crate::survey::Survey;

pub use derived::Derived;

/// One generated file.
#[derive(Debug)]
pub struct Generated {
    /// Its path from the root of the workspace.
    pub path: String,
    /// Its contents.
    pub text: String,
}

impl Generated {
    /// Whether the file that is there says the same.
    pub fn is_fresh(&self) -> bool {
        fs::read_to_string(root().join(&self.path)).is_ok_and(|text| text == self.text)
    }

    /// Writes the file.
    pub fn write(&self) -> std::io::Result<()> {
        let path = root().join(&self.path);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        fs::write(path, &self.text)
    }
}

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every file that is generated here, made anew.
pub fn files() -> Vec<Generated> {
    let catalogue = Catalogue::new();
    let survey = Survey::run();
    let json = serde_json::to_string_pretty(&catalogue).unwrap_or_default();
    let mut files = vec![
        Generated { path: "core/src/catalogue/shown.rs".into(), text: shown::text(&catalogue, &survey) },
        Generated { path: "schemas/catalogue.json".into(), text: json + "\n" },
        Generated { path: "README.md".into(), text: readme::text(&catalogue) },
        header::file(),
    ];
    files.extend(quoted::files());
    files.extend(bundles::files(&catalogue));
    let path = "bindings/c/include/rulebound_rules.h".into();
    files.push(Generated { path, text: defines::text(&catalogue) });
    files.extend(pages::files(&catalogue, &survey));
    files.extend(python::files());
    files.extend(typescript::files());
    files
}

/// Every file that a program of another language makes, with what it is made from.
pub fn derived() -> Vec<Derived> {
    let catalogue = Catalogue::new();
    let mut files = diagrams::files(&catalogue, &Survey::run());
    let definitions = bundles::definitions(&catalogue);
    files.push(python::derived(&definitions));
    files.push(typescript::derived(&definitions));
    files
}
