//! Every vector of `tests/vectors` holds.

use std::path::Path;

use rulebound_tests::vectors::run_folder;

#[test]
fn every_vector_holds() {
    let report = run_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")).unwrap();
    assert!(report.passed > 100, "only {} vectors were found", report.passed);
    assert!(report.failed.is_empty(), "{} failed:\n{}", report.failed.len(), report.failed.join("\n"));
}
