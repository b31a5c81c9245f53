//! The docstrings of Python's stubs, which are the comments of the Rust that they describe.

use std::collections::BTreeMap;
use std::fs;

use rulebound_tests::root;

/// What a binding's code says of all that it exports, by `Class.method` or the bare name.
pub(super) struct Docstrings(BTreeMap<String, Vec<String>>);

/// What a macro calls the class that it makes for each flow.
const EACH_FLOW: &str = "$flow";
const QUOTES: &str = "\"\"\"";

impl Docstrings {
    /// Reads the comments of all files of a folder.
    pub(super) fn of(folder: &str) -> Self {
        let mut docs = BTreeMap::new();
        for entry in fs::read_dir(root().join(folder)).into_iter().flatten().flatten() {
            collect(&fs::read_to_string(entry.path()).unwrap_or_default(), &mut docs);
        }
        Self(docs)
    }

    /// Puts them into a stub, in the place of those that it has; what has none keeps none.
    pub(super) fn put_into(&self, stub: &str) -> String {
        let mut made = String::new();
        let (mut class, mut header, mut above) = (String::new(), None, None);
        let mut lines = stub.lines();
        while let Some(line) = lines.next() {
            let word = line.trim_start();
            let (indent, _) = line.split_at(line.len() - word.len());
            if let Some(name) = declared(word, "class ") {
                name.clone_into(&mut class);
                header = Some(class.clone());
            } else if let Some(name) = declared(word, "def ") {
                header = Some(if indent.is_empty() { name.to_owned() } else { format!("{class}.{name}") });
            }
            let documented = above.take().filter(|_| word.starts_with(QUOTES));
            match documented.and_then(|name: String| self.get(&name)) {
                Some(doc) => {
                    if word.len() < 2 * QUOTES.len() || !word.ends_with(QUOTES) {
                        lines.by_ref().find(|line| line.ends_with(QUOTES));
                    }
                    made.push_str(&quoted(doc, indent));
                }
                None => made.push_str(line),
            }
            made.push('\n');
            if line.ends_with(':') {
                above = header.take();
            }
        }
        made
    }

    fn get(&self, name: &str) -> Option<&[String]> {
        let of_each = || name.split_once('.').map(|(_, method)| format!("{EACH_FLOW}.{method}"));
        let found = self.0.get(name).or_else(|| self.0.get(&of_each()?));
        found.map(Vec::as_slice)
    }
}

/// Notes what stands before each declaration that is exported, under the name that Python has for it.
fn collect(code: &str, docs: &mut BTreeMap<String, Vec<String>>) {
    let (mut class, mut doc, mut attributes) = (None, Vec::new(), Vec::new());
    for line in code.lines() {
        let word = line.trim_start();
        if let Some(said) = word.strip_prefix("///") {
            doc.push(said.strip_prefix(' ').unwrap_or(said).to_owned());
        } else if word.starts_with("#[") {
            attributes.push(word);
        } else {
            let (doc, attributes) = (std::mem::take(&mut doc), std::mem::take(&mut attributes));
            let after = |attribute: &str| attributes.iter().find_map(|it| it.strip_prefix(attribute));
            let word = word.strip_prefix("pub(crate) ").unwrap_or(word);
            if after("#[pymethods]").is_some() {
                class = declared(word, "impl ");
            } else if line == "}" {
                class = None;
            }
            let own = after("#[pyo3(name = \"").and_then(|it| it.split('"').next());
            let function = || own.or_else(|| declared(word, "fn "));
            let name = match class {
                Some(class) => function().map(|it| format!("{class}.{it}")),
                None if after("#[pyclass").is_some() => declared(word, "struct ").map(str::to_owned),
                None => after("#[pyfunction]").and_then(|_| function()).map(str::to_owned),
            };
            if let Some(name) = name.filter(|_| !doc.is_empty()) {
                docs.insert(name, doc);
            }
        }
    }
}

/// The name that a line declares.
fn declared<'a>(line: &'a str, keyword: &str) -> Option<&'a str> {
    line.strip_prefix(keyword)?.split(|it: char| !it.is_alphanumeric() && it != '_' && it != '$').next()
}

fn quoted(doc: &[String], indent: &str) -> String {
    let mut lines = doc.iter().map(|line| if line.is_empty() { String::new() } else { format!("{indent}{line}") });
    let first = lines.next().unwrap_or_default();
    let rest: String = lines.map(|line| format!("\n{line}")).collect();
    let end = if rest.is_empty() { String::new() } else { format!("\n{indent}") };
    format!("{indent}{QUOTES}{}{rest}{end}{QUOTES}", first.trim_start())
}
