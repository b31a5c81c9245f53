//! Every vector of `tests/vectors` holds, and so does the example of its README.

use std::fs;
use std::path::{Path, PathBuf};

use rulebound_tests::parity::Script;
use rulebound_tests::vectors::{read_text, run_all, run_folder};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

#[test]
fn every_vector_holds() {
    let report = run_folder(&folder()).unwrap();
    assert!(report.passed > 100, "only {} vectors were found", report.passed);
    assert!(report.failed.is_empty(), "{} failed:\n{}", report.failed.len(), report.failed.join("\n"));
}

#[test]
fn the_example_of_the_readme_holds() {
    let readme = fs::read_to_string(folder().join("README.md")).unwrap();
    let example = readme.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let vectors = read_text(example).unwrap().into_iter().map(|it| (it["name"].to_string(), Ok(it))).collect();
    let report = run_all(vectors, |scripts| Ok(scripts.iter().map(Script::transcript).collect())).unwrap();
    assert_eq!(report.failed, Vec::<String>::new());
    assert_eq!(report.passed, 1);
}
