//! The catalogue: every rule and every flow, as data.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use serde::Serialize;

use crate::flow::{Flow, Named};
use crate::providers::{PROVIDERS, all, for_each_flow};
use crate::rule::{Kernel, Rule};

/// The version of the rules, apart from that of the library: it moves whenever a rule does.
pub const RULES_VERSION: &str = "2026.11";

/// Everything that the library knows, as it is published.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Catalogue {
    /// The version of the rules.
    pub rules_version: &'static str,
    /// The library's own rules, then every provider's.
    pub rules: Vec<&'static Rule>,
    /// Codes that were rules once, and never come back.
    pub retired: Vec<&'static str>,
    /// Every flow.
    pub flows: Vec<FlowEntry>,
}

/// One flow.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct FlowEntry {
    /// `provider.lifecycle`.
    pub id: &'static str,
    /// The format in which its snapshots are saved.
    pub format: u32,
    /// The places of each facet.
    pub facets: BTreeMap<&'static str, Vec<&'static str>>,
    /// The moves that a facet may make.
    pub edges: Vec<EdgeEntry>,
    /// What a button may ask for.
    pub wishes: Vec<&'static str>,
}

/// One move of a facet.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct EdgeEntry {
    /// Where the facet stands.
    pub from: &'static str,
    /// What moves it.
    pub on: &'static str,
    /// Where it stands then.
    pub to: &'static str,
}

impl Catalogue {
    /// The catalogue of this release.
    pub fn new() -> Self {
        let mut flows = Vec::new();
        macro_rules! entry {
            ($provider:ident :: $flow:ident) => {
                flows.push(FlowEntry::of::<$crate::providers::$provider::$flow>());
            };
        }
        for_each_flow!(entry);
        let mut rules = all::<Kernel>();
        rules.extend(PROVIDERS.iter().flat_map(|provider| (provider.rules)()));
        let retired = PROVIDERS.iter().flat_map(|provider| provider.retired).copied().collect();
        Self { rules_version: RULES_VERSION, rules, retired, flows }
    }
}

impl Default for Catalogue {
    fn default() -> Self {
        Self::new()
    }
}

impl FlowEntry {
    fn of<F: Flow>() -> Self {
        let mut facets: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for at in F::At::ALL {
            if let Some((facet, place)) = at.name().split_once('.') {
                facets.entry(facet).or_default().push(place);
            }
        }
        let edge = |it: &crate::flow::Edge<F::At, F::On>| EdgeEntry {
            from: it.from.name(),
            on: it.on.name(),
            to: it.to.name(),
        };
        let edges = F::EDGES.iter().map(edge).collect();
        let wishes = F::Wish::ALL.iter().map(|it| it.name()).collect();
        Self { id: F::ID, format: F::FORMAT, facets, edges, wishes }
    }
}
