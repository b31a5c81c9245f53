//! A picture of each facet of each flow: the places, and what moves the facet from one to another.

use std::collections::BTreeMap;
use std::fmt::Write;

use rulebound::catalogue::{Catalogue, FlowEntry};

use super::derived::{Derived, Generator};

const GENERATOR: Generator = Generator("diagrams");

/// Every picture.
pub(super) fn files(catalogue: &Catalogue) -> Vec<Derived> {
    let of = |flow: &FlowEntry| -> Vec<_> {
        let (provider, name) = flow.id.split_once('.').unwrap_or_default();
        let path = |facet: &str| format!("core/src/providers/{provider}/diagrams/{name}.{facet}.svg");
        let facets = flow.facets.keys();
        facets.map(|facet| Derived { path: path(facet), source: dot(flow, facet), by: GENERATOR }).collect()
    };
    catalogue.flows.iter().flat_map(of).collect()
}

/// The moves of a facet, those between the same two places together.
fn moves<'a>(flow: &'a FlowEntry, facet: &str) -> BTreeMap<(&'a str, &'a str), Vec<&'a str>> {
    let mut moves: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for edge in &flow.edges {
        if let (Some((of, from)), Some((_, to))) = (edge.from.split_once('.'), edge.to.split_once('.'))
            && of == facet
        {
            moves.entry((from, to)).or_default().push(edge.on);
        }
    }
    moves
}

fn dot(flow: &FlowEntry, facet: &str) -> String {
    let mut dot = String::from("digraph {\n");
    for ((from, to), on) in moves(flow, facet) {
        let _ = writeln!(dot, "  {from} -> {to} [label=\"{}\"];", on.join("\\n"));
    }
    dot + "}\n"
}
