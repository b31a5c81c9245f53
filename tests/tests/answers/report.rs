//! The failures, each with a vector that reproduces it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use rulebound_tests::rows::{Facade, Row};
use serde_json::{Value, json};

use crate::checks::Issue;

/// The request that the cases are about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Subject {
    pub(crate) flow: String,
    pub(crate) operation: String,
    pub(crate) pending: String,
}

/// Cases that fail alike.
#[derive(Debug)]
struct Group {
    count: usize,
    pending: BTreeSet<String>,
    /// The first few of them.
    examples: Vec<String>,
    vector: Value,
}

/// All cases, and those that fail.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// How many cases ran, by flow.
    pub(crate) cases: BTreeMap<String, usize>,
    groups: BTreeMap<(String, String, String), Group>,
}

/// How many of the cases that fail alike are named.
const NAMED: usize = 4;

/// The greatest length of a message, in letters.
const LONGEST: usize = 200;

/// The greatest number of steps of a reproduction.
const STEPS: usize = 24;

impl Found {
    /// Counts a case, and keeps what is wrong with it.
    pub(crate) fn case(
        &mut self,
        subject: &Subject,
        label: impl Fn() -> String,
        issues: Vec<Issue>,
        facade: &Facade,
        row: &Row,
        facts: &[Value],
    ) {
        *self.cases.entry(subject.flow.clone()).or_default() += 1;
        for issue in issues {
            let vector = || vector(&subject.operation, &issue, facade, row, facts);
            self.add(subject, &short(&issue.what), label(), vector);
        }
    }

    /// A state that could not be reached.
    pub(crate) fn not_reached(&mut self, subject: &Subject, position: &str, why: &str) {
        self.add(subject, &format!("0: {position}: {why}"), position.to_owned(), || Value::Null);
    }

    fn add(&mut self, subject: &Subject, what: &str, label: String, vector: impl Fn() -> Value) {
        let name = (subject.flow.clone(), subject.operation.clone(), what.to_owned());
        let new = || Group { count: 0, pending: BTreeSet::new(), examples: Vec::new(), vector: vector() };
        let group = self.groups.entry(name).or_insert_with(new);
        group.count += 1;
        group.pending.insert(subject.pending.clone());
        if group.examples.len() < NAMED {
            group.examples.push(format!("{}: {label}", subject.pending));
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (flow, count) in other.cases {
            *self.cases.entry(flow).or_default() += count;
        }
        for (name, group) in other.groups {
            match self.groups.get_mut(&name) {
                None => drop(self.groups.insert(name, group)),
                Some(have) => {
                    have.count += group.count;
                    have.pending.extend(group.pending);
                    have.examples.extend(group.examples.into_iter().take(NAMED.saturating_sub(have.examples.len())));
                }
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Every kind of failure, with one reproduction.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for ((flow, operation, what), group) in &self.groups {
            let pending: Vec<_> = group.pending.iter().map(String::as_str).collect();
            let _ = writeln!(text, "\n{flow} {operation} ({}): {what} [{} cases]", pending.join(", "), group.count);
            for example in &group.examples {
                let _ = writeln!(text, "    {example}");
            }
            if !group.vector.is_null() {
                let _ = writeln!(text, "    {}", group.vector);
            }
        }
        text
    }

    /// How many kinds of failure there are.
    pub(crate) fn len(&self) -> usize {
        self.groups.len()
    }
}

/// A message, cut to the greatest length.
fn short(what: &str) -> String {
    let letters: Vec<char> = what.chars().collect();
    if letters.len() <= LONGEST { what.to_owned() } else { letters[..LONGEST].iter().collect::<String>() + "…" }
}

/// What happens to the facts, and the ids of the effects after them.
fn results(facade: &Facade, row: &Row, facts: &[Value]) -> Result<Value, String> {
    let (mut text, mut now) = (row.text.clone(), row.now);
    let mut all = Vec::new();
    for fact in facts {
        let outcome = facade.observe(&text, fact, now)?;
        all.extend(outcome.ignored.map(|it| format!("ignored: {it}")));
        text = outcome.text;
        now += 1000;
    }
    let effects = facade.later(&text, now)?;
    all.extend(effects.as_array().into_iter().flatten().map(|it| it["id"].as_str().unwrap_or_default().to_owned()));
    Ok(json!(all))
}

/// A case as a vector.
fn vector(operation: &str, issue: &Issue, facade: &Facade, row: &Row, facts: &[Value]) -> Value {
    let mut steps = row.steps.clone();
    for (index, fact) in facts.iter().enumerate() {
        steps.push(json!({"now": row.now + 1000 * index as i64, "fact": fact}));
    }
    let results = results(facade, row, facts).unwrap_or_default();
    steps.truncate(STEPS);
    if let Some(last) = steps.last_mut() {
        last["expect"] = issue.expect.clone();
    }
    let mut vector =
        json!({"name": format!("{operation}: {}", issue.what), "flow": facade.flow, "key": facade.key, "steps": steps});
    vector["results"] = results;
    if facade.config.as_object().is_some_and(|it| !it.is_empty()) {
        vector["config"] = facade.config.clone();
    }
    vector
}
