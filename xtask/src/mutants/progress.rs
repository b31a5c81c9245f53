//! The results of earlier runs with the same source. A run that was interrupted continues from them, and so does one whose
//! survivors have tests now.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::Path;

use super::home;
use crate::{Outcome, root};

/// The lists that cargo-mutants writes while it runs, and the result of their mutants. A timeout counts as noticed.
const LISTS: [(&str, &str); 4] =
    [("caught.txt", "noticed"), ("timeout.txt", "noticed"), ("unviable.txt", "unviable"), ("missed.txt", "missed")];

/// The results of mutants, by their names.
#[derive(Default)]
pub(super) struct Progress {
    /// The fingerprint of the source.
    source: String,
    /// Mutants that a test has noticed.
    pub(super) noticed: BTreeSet<String>,
    /// Mutants that do not compile.
    pub(super) unviable: BTreeSet<String>,
    /// Mutants that no test so far has noticed.
    pub(super) missed: BTreeSet<String>,
}

impl Progress {
    /// Loads the results for the current source.
    pub(super) fn load() -> Result<Self, String> {
        let mut known = Self { source: fingerprint()?, ..Self::default() };
        let text = fs::read_to_string(home().join("progress")).unwrap_or_default();
        let mut lines = text.lines();
        if lines.next() == Some(&known.source) {
            lines.filter_map(|line| line.split_once(' ')).for_each(|(what, name)| known.note(what, name));
            known.add_run("first");
            known.add_run("rest");
        }
        known.save()?;
        for run in ["first", "rest"] {
            let _ = fs::remove_dir_all(home().join(run));
        }
        Ok(known)
    }

    /// Adds the results of a run. Returns how many mutants it has planted.
    pub(super) fn add_run(&mut self, run: &str) -> usize {
        let mut planted = 0;
        for (list, what) in LISTS {
            let found = fs::read_to_string(home().join(run).join("mutants.out").join(list)).unwrap_or_default();
            found.lines().for_each(|name| self.note(what, name));
            planted += found.lines().count();
        }
        planted
    }

    /// Saves the results for the next run.
    pub(super) fn save(&self) -> Outcome {
        let all = [("noticed", &self.noticed), ("unviable", &self.unviable), ("missed", &self.missed)];
        let lines = all.into_iter().flat_map(|(what, names)| names.iter().map(move |name| format!("{what} {name}")));
        let text: Vec<_> = [self.source.clone()].into_iter().chain(lines).collect();
        fs::create_dir_all(home()).map_err(|error| error.to_string())?;
        fs::write(home().join("progress"), text.join("\n") + "\n").map_err(|error| format!("progress: {error}"))
    }

    /// Whether a mutant need not be planted again. A missed one is, because tests may have been added.
    pub(super) fn is_settled(&self, name: &str) -> bool {
        [&self.noticed, &self.unviable].iter().any(|it| it.contains(name))
    }

    fn note(&mut self, what: &str, name: &str) {
        let name = name.to_owned();
        match what {
            "missed" if !self.noticed.contains(&name) => drop(self.missed.insert(name)),
            "unviable" => drop(self.unviable.insert(name)),
            "noticed" => {
                self.missed.remove(&name);
                self.noticed.insert(name);
            }
            _ => {}
        }
    }
}

/// The fingerprint of the source in which mutants are planted. Tests can be added outside of it, and results stay valid.
fn fingerprint() -> Result<String, String> {
    let mut hasher = DefaultHasher::new();
    add(&root().join("core/src"), &mut hasher)?;
    Ok(format!("{:016x}", hasher.finish()))
}

fn add(path: &Path, to: &mut DefaultHasher) -> Outcome {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    if !path.is_dir() {
        to.write(path.strip_prefix(root()).unwrap_or(path).as_os_str().as_encoded_bytes());
        to.write(&fs::read(path).map_err(failed)?);
        return Ok(());
    }
    let mut entries: Vec<_> = fs::read_dir(path).map_err(failed)?.flatten().map(|it| it.path()).collect();
    entries.sort();
    entries.iter().try_for_each(|it| add(it, to))
}

#[test]
fn what_is_noticed_is_missed_no_more() {
    let mut known = Progress::default();
    known.note("missed", "a");
    known.note("noticed", "a");
    known.note("missed", "a");
    known.note("unviable", "b");
    known.note("missed", "c");
    let settled = ["a", "b", "c", "d"].map(|name| known.is_settled(name));
    assert_eq!(settled, [true, true, false, false]);
    assert!(known.missed.iter().eq(["c"]));
}
