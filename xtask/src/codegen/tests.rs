//! What is generated is what the code says; a stale file is mended, and fails the test.

use super::{Derived, Generated, derived, files};

/// Writes the files, and fails if there are any.
#[track_caller]
fn mend(stale: &[Generated]) {
    for file in stale {
        file.write().unwrap();
    }
    let paths: Vec<_> = stale.iter().map(|file| file.path.as_str()).collect();
    assert!(stale.is_empty(), "stale, and written anew, commit it: {}", paths.join(", "));
}

#[test]
fn every_generated_file_is_fresh() {
    let mut files = files().unwrap();
    files.retain(|file| !file.is_fresh());
    mend(&files);
}

#[test]
fn every_derived_file_is_fresh() {
    let (fresh, stale): (Vec<_>, Vec<_>) = super::derived().into_iter().partition(Derived::is_fresh);
    let (near, far): (Vec<_>, Vec<_>) = stale.into_iter().partition(|file| file.by.is_installed());
    assert!(fresh.len() + near.len() + far.len() > 0, "nothing is derived");
    mend(&derived::make(&near).unwrap());
    let paths: Vec<_> = far.iter().map(|file| file.path.as_str()).collect();
    assert!(far.is_empty(), "stale, run `cargo xtask codegen`: {}", paths.join(", "));
}
