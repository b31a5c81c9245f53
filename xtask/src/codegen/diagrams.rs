//! The pictures, in Graphviz's language: one of each facet of each flow.

use std::fmt::Write;

use rulebound::catalogue::{Catalogue, FlowEntry};

use super::derived::{Derived, Generator};
use super::picture::{Node, Picture, Words};
use rulebound_tests::survey::{Survey, Views};

const GENERATOR: Generator = Generator("diagrams");

// In Courier's widths, which every fixed-width font keeps: labels stay clear of each other wherever they are shown.
const HEAD: &str = r##"digraph {
  graph [bgcolor="white", pad=0.3, nodesep=0.5, ranksep=0.55, compound=true, fontname="Courier"];
  node [shape=box, style="rounded,filled", fillcolor="#eaf1fb", color="#4a6fa5", penwidth=1.2, fontcolor="#16233a",
        fontname="Courier", fontsize=14, height=0.42, margin="0.18,0.06"];
  edge [color="#5f6b7a", fontcolor="#30363f", fontname="Courier", fontsize=11, arrowsize=0.8];
"##;

/// Every picture.
pub(super) fn files(catalogue: &Catalogue, survey: &Survey) -> Vec<Derived> {
    let of = |flow| -> Vec<_> {
        let pictures = pictures(flow).into_iter();
        let source = |it: &Picture<'_>| dot(it, &survey.flows[flow.id]);
        pictures.map(|it| Derived { path: path(flow, it.facet), source: source(&it), by: GENERATOR }).collect()
    };
    catalogue.flows.iter().flat_map(of).collect()
}

/// The pictures of a flow, in the order of its facets.
pub(super) fn pictures(flow: &FlowEntry) -> Vec<Picture<'_>> {
    flow.facets.iter().map(|facet| Picture::of(flow, facet)).collect()
}

/// The path of a picture, from the root of the workspace.
fn path(flow: &FlowEntry, facet: &str) -> String {
    let (provider, name) = flow.id.split_once('.').unwrap_or_default();
    format!("core/src/providers/{provider}/diagrams/{name}.{facet}.svg")
}

fn dot(picture: &Picture<'_>, views: &Views) -> String {
    let mut dot = String::from(HEAD);
    let start = picture.start();
    let _ = writeln!(dot, "  \"\" [shape=circle, width=0.16, height=0.16, fillcolor=\"#16233a\", label=\"\"];");
    let _ = writeln!(dot, "  \"\" -> {start};");
    for state in picture.states.iter().filter(|it| picture.is_final(it)) {
        let _ = writeln!(dot, "  {state} [peripheries=2, fillcolor=\"#e6f4ea\", color=\"#3d7a55\"];");
    }
    if let Some(first) = picture.group.first() {
        let within = picture.within.iter().copied().collect::<Vec<_>>().join(", ");
        let _ = writeln!(dot, "  subgraph cluster_group {{");
        let _ = writeln!(dot, "    style=\"rounded,dashed\"; color=\"#4a6fa5\"; fontcolor=\"#30363f\"; fontsize=11;");
        let _ = writeln!(dot, "    label=\"each to each: {within}\"; {first};");
        let _ = writeln!(dot, "    {};\n  }}", picture.group.iter().copied().collect::<Vec<_>>().join("; "));
    }
    for ((from, to), triggers) in &picture.arrows {
        let label = html(&picture.words((*from, *to), triggers, views));
        let bold = if triggers.iter().any(|on| picture.skipping.contains(on)) { ", penwidth=2.6" } else { "" };
        let ends = end(picture, *from, "ltail") + &end(picture, *to, "lhead");
        let (from, to) = (name(picture, *from), name(picture, *to));
        let _ = writeln!(dot, "  {from} -> {to} [label=<{label}>{bold}{ends}];");
    }
    if !picture.skipping.is_empty() {
        let words = longer_ways(picture);
        let _ = writeln!(dot, "  label=\"{words}\"; fontsize=11; fontcolor=\"#30363f\";");
    }
    dot + "}\n"
}

/// What a bold arrow means.
pub(super) fn longer_ways(picture: &Picture<'_>) -> String {
    let triggers = picture.skipping.iter().copied().collect::<Vec<_>>().join(", ");
    format!("Bold: {triggers} can also make every longer move along arrows of the same name.")
}

/// The state that represents a node: the first one of a group.
fn name<'a>(picture: &Picture<'a>, node: Node<'a>) -> &'a str {
    match node {
        Node::State(state) => state,
        Node::Group => picture.group.first().copied().unwrap_or_default(),
    }
}

/// Cuts an arrow off at the border of the group.
fn end(picture: &Picture<'_>, node: Node<'_>, attribute: &str) -> String {
    let is_group = node == Node::Group && !picture.group.is_empty();
    if is_group { format!(", {attribute}=cluster_group") } else { String::new() }
}

fn html(words: &Words<'_>) -> String {
    let mut lines = Vec::new();
    let small = |text: String| format!("<font point-size=\"10\" color=\"#6b5200\">{text}</font>");
    for label in &words.labels {
        let action = |by: &&str| format!("<b><font color=\"#1d4ed8\">{by}</font></b>");
        let plain = |by: &&str| (*by).to_owned();
        lines.extend(label.by.iter().map(if label.is_action { action } else { plain }));
        lines.extend(label.rules.iter().map(|code| small(format!("if {}", short(code)))));
    }
    lines.extend(words.warned.iter().map(|code| small(format!("warns {}", short(code)))));
    let cells = lines.iter().map(|line| format!("<tr><td align=\"left\">{line}</td></tr>"));
    format!("<table border=\"0\" cellpadding=\"0\" cellspacing=\"1\">{}</table>", cells.collect::<String>())
}

/// A rule's code without its provider, which the page is about.
pub(super) fn short(code: &str) -> &str {
    match code.split_once('.') {
        Some((provider, rest)) if provider != "rulebound" => rest,
        _ => code,
    }
}
