//! What is generated is what the code says; a stale file is mended, and fails the test.

use std::fs;
use std::path::Path;

#[test]
fn every_generated_file_is_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for file in rulebound_tests::generated::files() {
        let path = root.join(&file.path);
        let fresh = fs::read_to_string(&path).is_ok_and(|text| text == file.text);
        if !fresh {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &file.text).unwrap();
        }
        assert!(fresh, "{} was stale, and has been written anew: commit it", file.path);
    }
}
