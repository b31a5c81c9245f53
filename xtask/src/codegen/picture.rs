//! One facet as it is drawn: its states, and its moves brought together so that the drawing can be read.
//!
//! Moves between the same two states are one arrow. States that can all follow each other, and are left alike, stand in a
//! group. In a crowded facet, an input that can skip states is drawn along its shortest steps only, boldly. Nothing is
//! lost by that: a test reads every move back from the drawing.

use std::collections::{BTreeMap, BTreeSet};

use rulebound::catalogue::FlowEntry;
use rulebound::flow::{FacetTransition, Table};

use rulebound_tests::survey::Views;

/// The number of arrows from which a picture is hard to read.
const CROWDED: usize = 12;
/// The fewest states that make a group.
const GROUP: usize = 3;

/// A move: the state before, the trigger, and the state after.
pub(super) type Move<'a> = (&'a str, &'a str, &'a str);
/// The triggers of the arrows between two nodes.
type Arrows<'a> = BTreeMap<(Node<'a>, Node<'a>), BTreeSet<&'a str>>;

/// Where an arrow begins or ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Node<'a> {
    State(&'a str),
    /// Each state of the group.
    Group,
}

/// A facet.
#[derive(Debug)]
pub(super) struct Picture<'a> {
    pub(super) flow: &'a FlowEntry,
    pub(super) facet: &'a str,
    pub(super) states: &'a [&'static str],
    /// States of which each can follow each, by the triggers of `within`.
    pub(super) group: BTreeSet<&'a str>,
    pub(super) within: BTreeSet<&'a str>,
    pub(super) arrows: Arrows<'a>,
    /// Triggers that can also make every longer move along their arrows.
    pub(super) skipping: BTreeSet<&'a str>,
}

impl<'a> Picture<'a> {
    pub(super) fn of(flow: &'a FlowEntry, table: &'a Table) -> Self {
        let (facet, states) = (table.facet, table.states.as_slice());
        let mut direct: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
        for (from, on, to) in edges(table) {
            direct.entry((from, to)).or_default().insert(on);
        }
        let group = group(states, &direct);
        let mut arrows = Arrows::new();
        let mut within = BTreeSet::new();
        for ((from, to), on) in &direct {
            let reaches_all = group.iter().all(|it| direct.get(&(*from, *it)) == Some(on));
            match (group.contains(from), group.contains(to)) {
                (true, true) => within.extend(on),
                (true, false) => drop(arrows.insert((Node::Group, Node::State(to)), on.clone())),
                (false, true) if reaches_all => drop(arrows.insert((Node::State(from), Node::Group), on.clone())),
                (false, _) => drop(arrows.insert((Node::State(from), Node::State(to)), on.clone())),
            }
        }
        let mut picture = Self { flow, facet, states, group, within, arrows, skipping: BTreeSet::new() };
        if picture.arrows.len() > CROWDED {
            picture.thin();
        }
        picture
    }

    /// Removes the arrows that follow from the other arrows of their trigger.
    fn thin(&mut self) {
        let triggers: BTreeSet<&str> = self.arrows.values().flatten().copied().collect();
        for on in triggers {
            let has = |arrows: &Arrows<'a>, from, to| arrows.get(&(from, to)).is_some_and(|it| it.contains(on));
            let pairs: Vec<_> = self.arrows.iter().filter(|(_, it)| it.contains(on)).map(|(pair, _)| *pair).collect();
            let steps = |from| pairs.iter().filter(move |pair| pair.0 == from);
            let ways = || pairs.iter().flat_map(|(from, via)| steps(*via).map(|(_, to)| (*from, *to)));
            let is_order = ways().all(|(from, to)| from != to && has(&self.arrows, from, to));
            let implied: BTreeSet<_> = ways().collect();
            // Inside the group an input goes back and forth, so that its arrows have no order.
            if !is_order || implied.is_empty() || self.within.contains(on) {
                continue;
            }
            self.skipping.insert(on);
            for pair in implied {
                self.arrows.entry(pair).or_default().remove(on);
            }
        }
        self.arrows.retain(|_, on| !on.is_empty());
    }

    /// The first state of the facet.
    pub(super) fn start(&self) -> &'a str {
        self.states.first().copied().unwrap_or_default()
    }

    /// Whether no move leaves a state.
    pub(super) fn is_final(&self, state: &str) -> bool {
        let leaves = |from: &Node<'_>| match from {
            Node::State(from) => *from == state,
            Node::Group => self.group.contains(state),
        };
        !self.arrows.keys().any(|(from, _)| leaves(from))
    }

    /// The words of an arrow: each action with the rules that guard it, the other triggers, and the rules that warned
    /// about a fact that made the move.
    pub(super) fn words(
        &self,
        arrow: (Node<'a>, Node<'a>),
        triggers: &BTreeSet<&'a str>,
        views: &'a Views,
    ) -> Words<'a> {
        let is_on_arrow = |it: &FacetTransition| {
            it.facet == self.facet && self.contains(arrow.0, it.before) && self.contains(arrow.1, it.after)
        };
        let by: BTreeSet<&str> =
            views.moves.iter().filter(|(it, _)| is_on_arrow(it)).flat_map(|(_, by)| by).map(String::as_str).collect();
        let mut actions: BTreeMap<Vec<&str>, Vec<&str>> = BTreeMap::new();
        let mut others = Vec::new();
        for on in triggers {
            let all: Vec<_> = self.flow.actions.iter().map(|it| it.name).filter(|it| it.starts_with(on)).collect();
            let drawn: Vec<_> = all.iter().filter(|action| by.contains(**action)).copied().collect();
            let guards = |action: &str| views.guards.get(action).into_iter().flatten().copied();
            for action in if drawn.is_empty() { &all } else { &drawn } {
                actions.entry(guards(action).filter(|it| *it != NO_EDGE).collect()).or_default().push(action);
            }
            if all.is_empty() {
                others.push(*on);
            }
        }
        let mut labels: Vec<_> = actions.into_iter().map(|(rules, by)| Label { by, is_action: true, rules }).collect();
        if !others.is_empty() {
            labels.push(Label { by: others, is_action: false, rules: Vec::new() });
        }
        let warned =
            views.warned.iter().filter(|(it, _)| is_on_arrow(it)).flat_map(|(_, codes)| codes).copied().collect();
        Words { labels, warned }
    }

    /// Whether a node is a state, or the group that contains it.
    fn contains(&self, node: Node<'_>, state: &str) -> bool {
        match node {
            Node::State(own) => state == own,
            Node::Group => self.group.contains(state),
        }
    }
}

/// The rule that the arrows show anyway.
const NO_EDGE: &str = "rulebound.action.not-now";

/// The label of an arrow.
#[derive(Debug)]
pub(super) struct Words<'a> {
    pub(super) labels: Vec<Label<'a>>,
    /// The rules that warn about a fact.
    pub(super) warned: BTreeSet<&'static str>,
}

/// Actions or other triggers, and the rules that guard them.
#[derive(Debug)]
pub(super) struct Label<'a> {
    pub(super) by: Vec<&'a str>,
    pub(super) is_action: bool,
    pub(super) rules: Vec<&'a str>,
}

/// The moves that a facet can make.
pub(super) fn edges(table: &Table) -> BTreeSet<Move<'_>> {
    table.moves.iter().map(|it| (it.before, it.trigger, it.after)).collect()
}

/// The states that can all follow each other by the same triggers and are left by the same arrows; none if they are few.
fn group<'a>(states: &[&'a str], direct: &BTreeMap<(&'a str, &'a str), BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let alike = |a: &str, b: &str| {
        let there = direct.get(&(a, b));
        let others = states.iter().filter(|it| **it != a && **it != b);
        there.is_some() && there == direct.get(&(b, a)) && { others }
            .all(|it| direct.get(&(a, *it)) == direct.get(&(b, *it)))
    };
    let with = |state: &&'a str| states.iter().filter(|it| *it == state || alike(state, it)).copied().collect();
    let groups = states.iter().map(with).filter(|it: &BTreeSet<&str>| it.len() >= GROUP);
    groups.max_by_key(BTreeSet::len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rulebound::Flow;
    use rulebound::catalogue::Catalogue;
    use rulebound::flow::Facets;

    use super::*;

    #[test]
    fn a_picture_says_every_move_and_no_other() {
        for flow in &Catalogue::new().flows {
            for table in &flow.facets {
                assert_eq!(moves(&Picture::of(flow, table)), edges(table), "{} {}", flow.id, table.facet);
            }
        }
    }

    #[test]
    fn a_facet_starts_at_its_first_place() {
        macro_rules! starts {
            ($provider:ident :: $flow:ident) => {
                starts_first::<rulebound::$provider::$flow>();
            };
        }
        rulebound::for_each_flow!(starts);
    }

    fn starts_first<F: Flow>() {
        let catalogue = Catalogue::new();
        let flow = catalogue.flows.iter().find(|it| it.id == F::ID).unwrap();
        let first: Vec<_> = flow.facets.iter().map(|it| (it.facet, it.states[0])).collect();
        assert_eq!(F::default().facets().states(), first, "{}", flow.id);
    }

    /// Every move that the drawing says.
    fn moves<'a>(picture: &Picture<'a>) -> BTreeSet<Move<'a>> {
        let states = |node: Node<'a>| match node {
            Node::State(state) => vec![state],
            Node::Group => picture.group.iter().copied().collect(),
        };
        let mut moves = BTreeSet::new();
        for ((from, to), triggers) in &picture.arrows {
            for (from, to) in
                states(*from).into_iter().flat_map(|from| states(*to).into_iter().map(move |to| (from, to)))
            {
                moves.extend(triggers.iter().map(|on| (from, *on, to)));
            }
        }
        let pairs = picture.group.iter().flat_map(|from| picture.group.iter().map(move |to| (*from, *to)));
        for (from, to) in pairs.filter(|(from, to)| from != to) {
            moves.extend(picture.within.iter().map(|on| (from, *on, to)));
        }
        loop {
            let skips = |on: &str| picture.skipping.contains(on);
            let longer = moves.iter().filter(|(_, on, _)| skips(on)).flat_map(|(from, on, via)| {
                let next = moves.iter().filter(move |it| it.0 == *via && it.1 == *on);
                next.map(move |(_, _, to)| (*from, *on, *to))
            });
            let longer: Vec<_> = longer.filter(|it| !moves.contains(it)).collect();
            if longer.is_empty() {
                return moves;
            }
            moves.extend(longer);
        }
    }
}
