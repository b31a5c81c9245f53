//! What the libraries define: the functions of the header, and nothing else.

use std::path::Path;
use std::process::Command;

use crate::Outcome;

/// Fails if one of the two libraries below a prefix defines another name than the functions of the header.
pub(crate) fn only_own_symbols(prefix: &Path) -> Outcome {
    only_own(&prefix.join("lib/librulebound.so"), &["-D", "--defined-only", "--extern-only"])?;
    only_own(&prefix.join("lib/librulebound.a"), &["--defined-only", "--extern-only"])
}

fn only_own(library: &Path, options: &[&str]) -> Outcome {
    let output = Command::new("nm").args(options).arg(library).output().map_err(|error| format!("nm: {error}"))?;
    let listed = String::from_utf8_lossy(&output.stdout);
    let mut names: Vec<_> = listed.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    let mut expected = functions();
    names.sort_unstable();
    expected.sort_unstable();
    if names != expected {
        return Err(format!("{} defines {names:?}, and not {expected:?}", library.display()));
    }
    println!("passed: {} defines the {} functions of the header, and nothing else", library.display(), names.len());
    Ok(())
}

/// The functions that the header declares.
pub(super) fn functions() -> Vec<&'static str> {
    let header = include_str!("../../../bindings/c/include/rulebound.h");
    let code = header.lines().filter(|line| !line.trim_start().starts_with(['*', '/', '#']));
    let words = code.flat_map(|line| line.split(|it: char| !(it.is_ascii_alphanumeric() || "_(".contains(it))));
    let called = words.filter_map(|word| word.split_once('(').map(|(name, _)| name));
    called.filter(|name| name.starts_with("rulebound_")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_are_those_of_the_header() {
        let functions = functions();
        assert!(functions.contains(&"rulebound_call") && functions.contains(&"rulebound_abi"), "{functions:?}");
        assert!(functions.len() < 12, "{functions:?}");
    }
}
