//! The modules of the Node package as one file, for where there are no CommonJS modules.

use std::path::Path;

use super::{read, write};
use crate::{Outcome, root};

/// The modules, each after those that it requires. Besides them there is only `native.cjs`, which they are given.
const MODULES: [&str; 9] = [
    "lib/kinds.cjs",
    "lib/text.cjs",
    "lib/headers.cjs",
    "lib/names.cjs",
    "lib/call.cjs",
    "lib/builders.cjs",
    "lib/step.cjs",
    "lib/snapshot.cjs",
    "lib/index.cjs",
];

/// How the two functions are given away: as an ECMAScript module, and as a CommonJS module.
const ENDS: [(&str, &str); 2] =
    [("library.mjs", "export { bind, library };\n"), ("library.cjs", "module.exports = { bind, library };\n")];

/// Writes the library into a folder, and the modules that name its exports.
pub(super) fn write_into(folder: &Path) -> Outcome {
    let text = wrapped()?;
    for (name, end) in ENDS {
        write(&folder.join(name), format!("{text}\n{end}"))?;
    }
    let index = read(&root().join("bindings/node/lib/index.mjs"))?;
    let names = index.split_once("export const ").ok_or("lib/index.mjs exports nothing")?.1;
    for name in ["web.mjs", "workerd.mjs", "edge.mjs"] {
        let begun = read(&root().join("bindings/node/wasm").join(name))?;
        write(&folder.join(name), format!("{begun}\nexport const {names}"))?;
    }
    write(&folder.join("node.mjs"), format!("import rulebound from './node.cjs';\n\nexport const {names}"))
}

/// One function for each module, and two that run them: the verbs of an instance, and the library of such verbs.
fn wrapped() -> Result<String, String> {
    let mut text = String::from(
        "'use strict';\n\n// The modules of `rulebound`, each as a function. Made by `cargo xtask dist`.\n\nconst modules = {\n",
    );
    for path in MODULES.iter().chain(&["wasm/bind.cjs"]) {
        let source = read(&root().join("bindings/node").join(path))?;
        // A comment may stand before it.
        let body = source.split_once("'use strict';\n").ok_or_else(|| format!("{path} is not strict"))?.1;
        if let Some(alien) = alien(body) {
            return Err(format!("{path} requires `{alien}`, which is not part of the library in one file"));
        }
        let name = Path::new(path).file_name().unwrap_or_default().display();
        text += &format!("'./{name}'(module, require) {{\n{}\n}},\n", body.trim());
    }
    Ok(text + RUN)
}

const RUN: &str = "};

/** What a module exports, given those that only this program has. */
function run(name, given) {
  const made = new Map(Object.entries(given));
  const require = (path) => {
    if (!made.has(path)) {
      const module = { exports: {} };
      modules[path](module, require);
      made.set(path, module.exports);
    }
    return made.get(path);
  };
  return require(name);
}

const { bind } = run('./bind.cjs', {});

function library(native) {
  return run('./index.cjs', { './native.cjs': { load: () => native } });
}
";

/// A module that a source requires, and that the file does not hold.
fn alien(source: &str) -> Option<&str> {
    let required = source.split("require('").skip(1).filter_map(|rest| rest.split('\'').next());
    let is_known = |path: &str| {
        let name = path.trim_start_matches("./");
        name == "native.cjs" || MODULES.iter().any(|it| it.strip_prefix("lib/") == Some(name))
    };
    required.into_iter().find(|path| !is_known(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_needs_nothing_that_only_node_has() {
        let text = wrapped().unwrap_or_else(|why| why);
        assert!(text.contains("'./snapshot.cjs'(module, require) {"), "{text}");
        assert_eq!(alien("require('./text.cjs'); require('node:util')"), Some("node:util"));
    }
}
