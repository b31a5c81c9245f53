//! The vectors of a provider, and the code and the vectors of each of its rules.

use std::collections::BTreeMap;
use std::fmt::Write;

use rulebound::catalogue::RuleEntry;
use rulebound::{Enforcement, Level};
use rulebound_tests::survey::Vector;
use rulebound_tests::trace;

use super::{Pages, below, codes, escaped};

impl Pages<'_> {
    /// The traces of the rules, and the vectors.
    pub(super) fn vectors(&self) -> String {
        let mut text = format!("# The vectors of `{}`\n\n## The code and the vectors of each rule\n\n", self.prefix);
        let rules = self.catalogue.rules.iter().filter(|it| self.owns(it.rule.code));
        text.extend(rules.map(|it| self.trace(it)));
        text + &self.files_of_vectors()
    }

    /// The code and the vectors of a rule.
    fn trace(&self, entry: &RuleEntry) -> String {
        let code = entry.rule.code;
        let mut text = format!("- **`{}`**", below(code));
        if let Some(site) = self.sites.get(code) {
            let _ = write!(text, ": `{}`, declared in {}", site.name, self.link(&site.declared));
            if !site.checked.is_empty() {
                let files: Vec<_> = site.checked.iter().map(|path| self.link(path)).collect();
                let _ = write!(text, ", checked in {}", files.join(", "));
            }
        }
        for flow in entry.flows.iter().filter(|it| !it.broken_by.is_empty()) {
            let _ = write!(text, "; in `{}` broken by {}", flow.flow, codes(flow.broken_by));
        }
        match (entry.rule.enforcement, entry.rule.level) {
            (Enforcement::Enforced, Level::Deny) => text += "; a config can soften it",
            (Enforcement::Enforced, Level::Forbid) => text += "; no config can soften it",
            _ => {}
        }
        text.push_str(".\n");
        let (breaks, keeps) = trace::vectors(code, self.survey);
        for (what, vectors) in [("Broken", breaks), ("Kept", keeps)].into_iter().filter(|(_, it)| !it.is_empty()) {
            let vectors: Vec<_> = vectors.into_iter().map(|it| self.vector(it)).collect();
            let _ = writeln!(text, "  - {what}: {}.", vectors.join("; "));
        }
        text
    }

    /// The vectors, and the rules that each breaks and keeps.
    fn files_of_vectors(&self) -> String {
        let mut files: BTreeMap<&str, Vec<&Vector>> = BTreeMap::new();
        for vector in self.survey.vectors.iter().filter(|it| self.owns(&it.flow)) {
            files.entry(&vector.file).or_default().push(vector);
        }
        if files.is_empty() {
            return String::new();
        }
        let mut text = String::from("\n## The vectors by file\n");
        for (file, vectors) in files {
            let name = file.rsplit('/').next().unwrap_or(file);
            let count = vectors.len();
            let _ =
                write!(text, "\n<details><summary><code>{name}</code>: {count}</summary>\n\n{}\n\n", self.link(file));
            text.push_str("| Vector | Breaks | Keeps |\n| --- | --- | --- |\n");
            for vector in vectors {
                let rules = |codes: &rulebound_tests::survey::Names| {
                    codes.iter().map(|it| self.rule(it)).collect::<Vec<_>>().join(", ")
                };
                let _ = writeln!(
                    text,
                    "| {} ([source](https://{})) | {} | {} |",
                    escaped(&vector.name),
                    vector.source,
                    rules(&vector.breaks),
                    rules(&vector.keeps),
                );
            }
            text.push_str("\n</details>\n");
        }
        text
    }

    /// A link to a file, by its name below the page's folder.
    fn link(&self, path: &str) -> String {
        let short = path.split_once(&format!("{}/", self.prefix)).map_or(path, |(_, rest)| rest);
        format!("[`{short}`]({}/{path})", self.up)
    }

    fn vector(&self, vector: &Vector) -> String {
        format!("[{}]({}/{})", escaped(&vector.name), self.up, vector.file)
    }

    /// A link to a rule: on this page, or on that of the library's own.
    fn rule(&self, code: &str) -> String {
        let page = if self.owns(code) { "rules.md" } else { "../rules.md" };
        format!("[`{}`]({page}#{code})", crate::codegen::diagrams::short(code))
    }
}
