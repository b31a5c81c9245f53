//! Documents that show whole files: each file is copied between its marks.

use std::fs;

use rulebound_tests::root;

use super::Generated;

/// The documents that show files.
const DOCUMENTS: [&str; 2] = ["bindings/c/README.md", "bindings/node/README.md"];

const BEGIN: &str = "<!-- file: ";
const END: &str = "<!-- end of file -->";

/// The documents, with the files that they show as they are now.
pub(super) fn files() -> impl Iterator<Item = Generated> {
    DOCUMENTS.into_iter().map(|path| {
        let text = fs::read_to_string(root().join(path)).unwrap_or_default();
        Generated { path: path.into(), text: with_files(path, &text) }
    })
}

/// A document, with every file that it names written between its marks.
fn with_files(document: &str, text: &str) -> String {
    let folder = root().join(document).with_file_name("");
    let mut parts = text.split(BEGIN);
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (Some((name, _)), Some((_, after))) = (part.split_once(" -->"), part.split_once(END)) else {
            whole += BEGIN;
            whole += part;
            continue;
        };
        let kind = name.rsplit('.').next().unwrap_or_default();
        let shown = fs::read_to_string(folder.join(name)).unwrap_or_default();
        whole += &format!("{BEGIN}{name} -->\n```{kind}\n{shown}```\n{END}{after}");
    }
    whole
}
