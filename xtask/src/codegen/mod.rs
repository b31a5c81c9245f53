//! `cargo xtask codegen`: the files that are made from the code and committed. A test checks them, and repairs them.

mod builders;
mod bundles;
mod classes;
mod defines;
mod derived;
mod diagrams;
mod docstrings;
mod header;
mod kits;
mod mermaid;
mod pages;
mod picture;
mod python;
mod quoted;
mod readme;
mod coverage;
#[cfg(test)]
mod tests;
mod typescript;

use std::fs;

use rulebound::catalogue::Catalogue;
use rulebound_tests::root;
use rulebound_tests::survey::Survey;

use derived::Derived;

/// The verdicts on a request whose outcome stays unknown, in every flow.
const OF_REQUESTS: [&str; 3] = ["give_up", "keep_trying", "retry"];

/// One generated file.
#[derive(Debug)]
pub(crate) struct Generated {
    /// Its path from the root of the workspace.
    path: String,
    /// Its contents.
    text: String,
}

impl Generated {
    /// Whether the file has these contents already.
    fn is_fresh(&self) -> bool {
        fs::read_to_string(root().join(&self.path)).is_ok_and(|text| text == self.text)
    }

    /// Writes the file.
    fn write(&self) -> std::io::Result<()> {
        let path = root().join(&self.path);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        fs::write(path, &self.text)
    }
}

/// Every file that is generated here, with its new contents.
fn files() -> Result<Vec<Generated>, String> {
    let catalogue = Catalogue::new();
    let survey = Survey::run();
    let json = serde_json::to_string_pretty(&catalogue).unwrap_or_default();
    let mut files = vec![
        Generated { path: "core/src/catalogue/coverage.rs".into(), text: coverage::text(&catalogue, &survey) },
        Generated { path: "schemas/catalogue.json".into(), text: json + "\n" },
        Generated { path: "README.md".into(), text: readme::text(&catalogue)? },
        header::file(),
    ];
    files.extend(quoted::files());
    files.extend(bundles::files(&catalogue));
    let path = "bindings/c/include/rulebound_rules.h".into();
    files.push(Generated { path, text: defines::text(&catalogue) });
    files.extend(pages::files(&catalogue, &survey)?);
    files.extend(python::files(&catalogue));
    files.extend(typescript::files(&bundles::definitions(&catalogue)));
    files.extend(kits::files(&catalogue)?);
    Ok(files)
}

/// Every file that a program of another language makes, with its source.
fn derived() -> Vec<Derived> {
    let catalogue = Catalogue::new();
    let mut files = diagrams::files(&catalogue, &Survey::run());
    let definitions = bundles::definitions(&catalogue);
    files.push(python::derived(&catalogue, &definitions));
    files.push(typescript::derived(&definitions));
    files
}

/// Writes the stale files. A program of another language is installed only if one of its files is stale.
pub(crate) fn codegen() -> Result<(), String> {
    let mut files = files()?;
    files.retain(|file| !file.is_fresh());
    write(&files)?;
    // The other files are made from the code that was just written.
    if files.iter().any(|file| file.path.ends_with(".rs")) {
        return crate::cargo(&["run", "--quiet", "--package", "xtask", "--", "codegen"]);
    }
    let mut stale = self::derived();
    stale.retain(|file| !file.is_fresh());
    for file in &stale {
        file.by.install()?;
    }
    write(&derived::make(&stale)?)
}

fn write(files: &[Generated]) -> Result<(), String> {
    for file in files {
        file.write().map_err(|error| format!("{}: {error}", file.path))?;
        println!("wrote {}", file.path);
    }
    Ok(())
}
