//! From a rule to its code and its vectors.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use rulebound::catalogue::Catalogue;

use crate::root;
use crate::survey::{Survey, Vector};

/// Where the code declares and checks a rule.
#[derive(Debug)]
pub struct Site {
    /// Its name in the code: `Rule::X`.
    pub name: String,
    /// The file that declares it, from the root of the workspace.
    pub declared: String,
    /// The files that check it.
    pub checked: Vec<String>,
}

/// The site of each rule, by the code of the rule.
pub fn sites(catalogue: &Catalogue) -> BTreeMap<&'static str, Site> {
    let mut all = Vec::new();
    for file in sources(&root().join("core/src")) {
        let path = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
        let text = fs::read_to_string(&file).unwrap_or_default();
        let code: Vec<_> =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).map(str::to_owned).collect();
        all.push((path, code.join("\n")));
    }
    catalogue.rules.iter().filter_map(|it| Some((it.rule.code, site(it.rule.code, &all)?))).collect()
}

fn site(code: &str, all: &[(String, String)]) -> Option<Site> {
    let quoted = format!(" = \"{code}\"");
    let (declared, text) = all.iter().find(|(_, text)| text.contains(&quoted))?;
    let variant = text.split(&quoted).next()?.rsplit(char::is_whitespace).next()?;
    let (folder, set) = match code.split_once('.') {
        Some(("rulebound", _)) => ("core/src/".into(), "CoreRule"),
        Some((provider, _)) => (format!("core/src/providers/{provider}/"), "Rule"),
        None => return None,
    };
    let name = format!("{set}::{variant}");
    let is_named = |text: &str| {
        let ends = |rest: &str| !rest.starts_with(|next: char| next.is_alphanumeric());
        text.match_indices(&name).any(|(start, _)| ends(&text[start + name.len()..]))
    };
    let checked = all.iter().filter(|(path, text)| path.starts_with(&folder) && is_named(text));
    let checked = checked.map(|(path, _)| path.clone()).collect();
    Some(Site { name, declared: declared.clone(), checked })
}

/// The Rust files of a folder and of the folders below it, sorted.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension() == Some(OsStr::new("rs")) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The vectors that break a rule, and those that keep it. If no vector names a kept rule, the first ones that could have
/// broken it count.
pub fn vectors<'a>(code: &str, survey: &'a Survey) -> (Vec<&'a Vector>, Vec<&'a Vector>) {
    let breaks = survey.vectors.iter().filter(|it| it.breaks.contains(code)).collect();
    let others = || survey.vectors.iter().filter(|it| !it.breaks.contains(code));
    let declared: Vec<_> = others().filter(|it| it.keeps.contains(code)).collect();
    if !declared.is_empty() {
        return (breaks, declared);
    }
    let broken_by = |flow: &str| survey.rules.get(code).and_then(|it| it.broken_by.get(flow));
    let passes = |vector: &Vector| {
        let can_break = |step: &str| broken_by(&vector.flow).is_some_and(|by| by.contains(step));
        vector.steps.iter().any(|(step, warned)| can_break(step) && !warned.contains(code))
    };
    (breaks, others().filter(|it| passes(it)).take(FEW).collect())
}

/// How many vectors are enough as examples.
const FEW: usize = 3;
