//! Flows that still list the places of all facets in one enum: an adaptor, until each facet has its own table.

use alloc::vec::Vec;
use core::array;
use core::fmt;

use super::{FacetTransition, Facets, Flow, Named, Table};

/// One move that a facet may make: in state `from`, on an input `on`, to state `to`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Edge<A, O> {
    /// Where the facet stands.
    pub from: A,
    /// What moves it.
    pub on: O,
    /// Where it stands then.
    pub to: A,
}

impl<A, O> Edge<A, O> {
    /// The edge `from --on--> to`.
    pub const fn new(from: A, on: O, to: A) -> Self {
        Self { from, on, to }
    }
}

/// A flow with one table.
pub trait Edged: Flow {
    /// Where one facet stands: `facet.place`.
    type At: Named;
    /// Every move that a facet may make; no other is possible.
    const EDGES: &'static [Edge<Self::At, Self::On>];

    /// Where each facet stands; always the same facets in the same order.
    fn at(&self) -> impl IntoIterator<Item = Self::At>;
}

/// The places of a flow with one table: at most four facets.
pub struct Places<F: Edged>([Option<F::At>; 4]);

impl<F: Edged> Copy for Places<F> {}

impl<F: Edged> Clone for Places<F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F: Edged> PartialEq for Places<F> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<F: Edged> Eq for Places<F> {}

impl<F: Edged> fmt::Debug for Places<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<F: Edged> Places<F> {
    /// Where a flow stands.
    pub fn of(flow: &F) -> Self {
        let mut places = flow.at().into_iter();
        Self(array::from_fn(|_| places.next()))
    }
}

fn split<N: Named>(at: N) -> (&'static str, &'static str) {
    at.name().split_once('.').unwrap_or(("", at.name()))
}

fn transition<F: Edged>(from: F::At, on: F::On, to: F::At) -> FacetTransition {
    let ((facet, before), (_, after)) = (split(from), split(to));
    FacetTransition { facet, before, after, trigger: on.name() }
}

impl<F: Edged> Facets for Places<F> {
    type Trigger = F::On;

    fn compare(self, on: F::On, next: Self, mut each: impl FnMut(FacetTransition, bool)) {
        let moves = self.0.into_iter().flatten().zip(next.0.into_iter().flatten());
        for (from, to) in moves.filter(|(from, to)| from != to) {
            let is_edge = F::EDGES.iter().any(|it| it.from == from && it.on == on && it.to == to);
            each(transition::<F>(from, on, to), is_edge);
        }
    }

    fn states(self) -> Vec<(&'static str, &'static str)> {
        self.0.into_iter().flatten().map(split).collect()
    }

    fn tables() -> Vec<Table> {
        let mut tables: Vec<Table> = Vec::new();
        for (facet, state) in F::At::ALL.iter().copied().map(split) {
            match tables.iter_mut().find(|it| it.facet == facet) {
                Some(table) => table.states.push(state),
                None => tables.push(Table { facet, states: [state].into(), moves: Vec::new() }),
            }
        }
        for it in F::EDGES.iter().map(|it| transition::<F>(it.from, it.on, it.to)) {
            if let Some(table) = tables.iter_mut().find(|table| table.facet == it.facet) {
                table.moves.push(it);
            }
        }
        tables
    }
}
