//! The same pictures as Mermaid's `stateDiagram-v2`, which stands in the text of a page.

use std::fmt::Write;

use super::diagrams::short;
use super::picture::{Node, Picture, Words};
use rulebound_tests::survey::Views;

pub(super) fn text(picture: &Picture<'_>, views: &Views) -> String {
    let mut text = format!("stateDiagram-v2\n  [*] --> {}\n", picture.start());
    if !picture.group.is_empty() {
        let within = picture.within.iter().copied().collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "  state \"each to each: {within}\" as any {{");
        for state in &picture.group {
            let _ = writeln!(text, "    {state}");
        }
        text.push_str("  }\n");
    }
    for ((from, to), triggers) in &picture.arrows {
        let label = label(&picture.words((*from, *to), triggers, views));
        let _ = writeln!(text, "  {} --> {} : {label}", name(*from), name(*to));
    }
    for state in picture.states.iter().filter(|it| picture.is_final(it)) {
        let _ = writeln!(text, "  {state} --> [*]");
    }
    text
}

fn name<'a>(node: Node<'a>) -> &'a str {
    match node {
        Node::State(state) => state,
        Node::Group => "any",
    }
}

fn label(words: &Words<'_>) -> String {
    let mut lines = Vec::new();
    for label in &words.labels {
        lines.push(label.by.join(", "));
        lines.extend(label.rules.iter().map(|code| format!("if {}", short(code))));
    }
    lines.extend(words.warned.iter().map(|code| format!("warns {}", short(code))));
    lines.join("<br/>")
}
