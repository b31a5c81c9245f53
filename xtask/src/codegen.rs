//! `cargo xtask codegen`: every generated file, written anew.

use rulebound_tests::generated::{self, Generated, derived};

/// Writes what is stale; installs a program of another language only if one of its files is.
pub(crate) fn codegen() -> Result<(), String> {
    let mut files = generated::files();
    files.retain(|file| !file.is_fresh());
    write(&files)?;
    // The rest is made from what was just written.
    if files.iter().any(|file| file.path.ends_with(".rs")) {
        return super::cargo(&["run", "--quiet", "--package", "xtask", "--", "codegen"]);
    }
    let mut stale = generated::derived();
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
