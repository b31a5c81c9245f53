//! Facets: the parts of a flow's state, each with its own table of moves.

use alloc::vec::Vec;
use core::fmt::Debug;

use serde::Serialize;

use super::{Named, Text};

/// A row of a facet's table: from one state, on any of these triggers, to any of these states.
#[derive(Debug)]
#[non_exhaustive]
pub struct Move<S: 'static, T: 'static> {
    /// The state before.
    pub from: S,
    /// What moves the facet.
    pub on: &'static [T],
    /// The states after.
    pub to: &'static [S],
}

/// The row `from --on--> to`. Each of its combinations must be reachable, which the exploration test proves.
pub(crate) const fn moves<S, T>(from: S, on: &'static [T], to: &'static [S]) -> Move<S, T> {
    Move { from, on, to }
}

/// One part of a flow's state; its first state is the one it starts in.
pub trait Facet: Named {
    /// What can move the flow.
    type Trigger: Named;
    /// Its name on the wire.
    const NAME: &'static str;
    /// Every move that it can make.
    const MOVES: &'static [Move<Self, Self::Trigger>];
}

/// One move of one facet, as a step reports it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct FacetTransition {
    /// The facet.
    pub facet: &'static str,
    /// Its state before.
    pub before: &'static str,
    /// Its state after.
    pub after: &'static str,
    /// What moved it.
    pub trigger: &'static str,
}

/// A facet's table, as the catalogue publishes it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "CatalogueFacet"))]
#[non_exhaustive]
pub struct Table {
    /// The facet.
    pub facet: &'static str,
    /// Its states, the first one first.
    pub states: Vec<&'static str>,
    /// Their texts for people.
    pub texts: Vec<Text>,
    /// The moves that it can make.
    pub moves: Vec<FacetTransition>,
}

/// The state of one facet, with its text for people.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct FacetState {
    /// The facet.
    pub facet: &'static str,
    /// The name of its state.
    pub state: &'static str,
    /// What the state means, in a sentence or two.
    pub about: &'static str,
}

impl FacetState {
    fn of<F: Facet>(state: F) -> Self {
        Self { facet: F::NAME, state: state.name(), about: state.about() }
    }
}

/// The facets of a flow: a tuple of them.
pub trait Facets: Copy + Eq + Debug {
    /// What can move the flow.
    type Trigger: Named;

    /// Calls `each` for every facet that differs, with the move and whether a row allows it.
    fn compare(self, on: Self::Trigger, next: Self, each: &mut dyn FnMut(FacetTransition, bool));

    /// The name of each facet, and that of its state.
    fn states(self) -> Vec<(&'static str, &'static str)>;

    /// The state of each facet, with its text for people.
    fn described(self) -> Vec<FacetState>;

    /// The tables.
    fn tables() -> Vec<Table>;

    /// The moves from these states to the next ones.
    fn transitions(self, on: Self::Trigger, next: Self) -> Vec<FacetTransition> {
        let mut moves = Vec::new();
        self.compare(on, next, &mut |it, _| moves.push(it));
        moves
    }

    /// The first move that no row allows.
    fn undeclared(self, on: Self::Trigger, next: Self) -> Option<FacetTransition> {
        let mut first = None;
        self.compare(on, next, &mut |it, declared| first = first.or((!declared).then_some(it)));
        first
    }
}

fn compare<F: Facet>(from: F, on: F::Trigger, to: F, each: &mut dyn FnMut(FacetTransition, bool)) {
    if from == to {
        return;
    }
    let is_row = |row: &Move<F, F::Trigger>| row.from == from && row.on.contains(&on) && row.to.contains(&to);
    let (before, after, trigger) = (from.name(), to.name(), on.name());
    each(FacetTransition { facet: F::NAME, before, after, trigger }, F::MOVES.iter().any(is_row));
}

fn table<F: Facet>() -> Table {
    let mut moves = Vec::new();
    for Move { from, on, to } in F::MOVES {
        let each = |on: &F::Trigger, to: &F| FacetTransition {
            facet: F::NAME,
            before: from.name(),
            after: to.name(),
            trigger: on.name(),
        };
        moves.extend(on.iter().flat_map(|on| to.iter().map(move |to| each(on, to))));
    }
    Table { facet: F::NAME, states: F::ALL.iter().map(|it| it.name()).collect(), texts: Text::all::<F>(), moves }
}

macro_rules! facets {
    ($($facet:ident $index:tt),+) => {
        impl<T: Named, $($facet: Facet<Trigger = T>),+> Facets for ($($facet,)+) {
            type Trigger = T;

            fn compare(self, on: T, next: Self, each: &mut dyn FnMut(FacetTransition, bool)) {
                $(compare(self.$index, on, next.$index, each);)+
            }

            fn states(self) -> Vec<(&'static str, &'static str)> {
                alloc::vec![$(($facet::NAME, self.$index.name())),+]
            }

            fn described(self) -> Vec<FacetState> {
                alloc::vec![$(FacetState::of(self.$index)),+]
            }

            fn tables() -> Vec<Table> {
                alloc::vec![$(table::<$facet>()),+]
            }
        }
    };
}

facets!(A 0);
facets!(A 0, B 1);
facets!(A 0, B 1, C 2);
facets!(A 0, B 1, C 2, D 3);
