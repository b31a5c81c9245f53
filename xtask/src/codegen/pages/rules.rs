//! The rules of a provider, in tables by their topic.

use std::fmt::Write;

use rulebound::Guards;
use rulebound::catalogue::RuleEntry;
use serde::Serialize;

use super::{Pages, below, escaped};

impl Pages<'_> {
    pub(super) fn rules(&self) -> String {
        let mut topics: Vec<(&str, Vec<&RuleEntry>)> = Vec::new();
        for entry in self.catalogue.rules.iter().filter(|it| self.owns(it.rule.code)) {
            let topic = entry.rule.code.split('.').nth(1).unwrap_or_default();
            match topics.iter_mut().find(|(name, _)| *name == topic) {
                Some((_, rules)) => rules.push(entry),
                None => topics.push((topic, vec![entry])),
            }
        }
        let mut text = format!(
            "# The rules of `{0}`\n\nThe codes begin with `{0}.`. [What each rule breaks, keeps and is checked in](vectors.md).\n",
            self.prefix
        );
        for (topic, rules) in topics {
            let _ = write!(text, "\n## {topic}\n\n| Rule | Level | Basis | Enforcement |\n| --- | --- | --- | --- |\n");
            text.extend(rules.iter().map(|it| row(it)));
        }
        text
    }
}

/// A rule in a table.
fn row(entry: &RuleEntry) -> String {
    let rule = entry.rule;
    let sources = rule.sources.iter().map(|it| format!("[{}](https://{})", escaped(it.section), it.page));
    let sources: Vec<_> = sources.collect();
    let guards = if rule.guards == Guards::Money { ", money" } else { "" };
    let enforcement = if rule.rationale.is_empty() {
        word(&rule.enforcement)
    } else {
        format!("{}: {}", word(&rule.enforcement), escaped(rule.rationale))
    };
    format!(
        "| <a id=\"{}\"></a>`{}`<br>{} | {}{guards} | {}<br>{} | {enforcement} |\n",
        rule.code,
        below(rule.code),
        escaped(rule.statement),
        word(&rule.level),
        word(&rule.basis),
        sources.join(", "),
    )
}

/// A name as the catalogue writes it, with spaces.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|it| it.as_str().map(|it| it.replace('_', " "))).unwrap_or_default()
}
