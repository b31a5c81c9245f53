//! What is generated is what the code says; a stale file is mended, and fails the test.

use std::fs;
use std::path::{Path, PathBuf};

use rulebound_tests::root;

use super::{Derived, Generated, derived, files, kits};

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

/// A file that is no longer in `host` must not stay in a package.
#[test]
fn the_copies_of_the_kits_hold_nothing_else() {
    let generated: Vec<_> = files().unwrap().into_iter().map(|file| root().join(file.path)).collect();
    for copy in kits::COPIES {
        let found = files_below(&root().join(copy));
        assert!(!found.is_empty(), "{copy} is empty: run `cargo xtask codegen`");
        let strays: Vec<_> = found.iter().filter(|path| !generated.contains(path)).collect();
        assert!(strays.is_empty(), "not in `host`, delete it: {strays:?}");
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}
