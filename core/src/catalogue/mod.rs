//! The catalogue: every rule and every flow, as data.

mod coverage;

use alloc::vec::Vec;

use serde::Serialize;

use crate::flow::{Facets, Flow, Named, Table};
use crate::providers::{PROVIDERS, Provider, Question, all, for_each_flow};
use crate::rule::{CoreRule, Enforcement, Level, Rule, Source};

/// The version of the rules, apart from that of the library: it moves whenever a rule does, and a list of the versions
/// with the hash of each keeps it to that.
pub const RULES_VERSION: &str = "2026.11";

/// Everything that the library knows, as it is published.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Catalogue {
    /// The version of the rules.
    pub rules_version: &'static str,
    /// The library's own rules, then every provider's.
    pub rules: Vec<RuleEntry>,
    /// Codes that were rules once, and never come back.
    pub retired: Vec<&'static str>,
    /// Every flow.
    pub flows: Vec<FlowEntry>,
    /// Every provider.
    pub providers: Vec<ProviderEntry>,
}

/// One rule, and where it matters.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "CatalogueRule"))]
#[non_exhaustive]
pub struct RuleEntry {
    /// What is declared of it.
    #[serde(flatten)]
    pub rule: &'static Rule,
    /// The flows that it is about.
    pub flows: Vec<AboutFlow>,
}

/// A flow that a rule is about.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "CatalogueAboutFlow"))]
#[non_exhaustive]
pub struct AboutFlow {
    /// The flow.
    pub flow: &'static str,
    /// What can break the rule there: wishes by their names, facts by their types; nothing where it cannot be broken.
    pub broken_by: &'static [&'static str],
}

/// One provider.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "CatalogueProvider"))]
#[non_exhaustive]
pub struct ProviderEntry {
    /// Its name, with which its rules' codes and its flows' ids begin.
    pub name: &'static str,
    /// The status that it wants for a stored webhook.
    pub acknowledgement: u16,
    /// The page that says where its servers are, as the settings name them.
    pub settings: Source,
    /// The kinds of `key_for` that are the keys of flows whose identity is the provider's own thing.
    pub keys: &'static [&'static str],
    /// What can be asked of it besides its flows.
    pub questions: &'static [Question],
}

/// One flow.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "CatalogueFlow"))]
#[non_exhaustive]
pub struct FlowEntry {
    /// `provider.lifecycle`.
    pub id: &'static str,
    /// The format in which its snapshots are saved.
    pub format: u32,
    /// Its facets, each with the moves that it may make.
    pub facets: Vec<Table>,
    /// What makes the moves: commands by their types, the rest by what they say.
    pub triggers: Vec<&'static str>,
    /// What a button may ask for.
    pub actions: Vec<ActionEntry>,
    /// What it can owe: `request/` with the operation, `notify/` or `review/` with the reason, `fulfill` or `access`.
    pub effects: &'static [&'static str],
    /// The signals that it can await.
    pub signals: &'static [&'static str],
}

/// One wish: an operation, or one shape of it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "CatalogueAction"))]
#[non_exhaustive]
pub struct ActionEntry {
    /// Its name among the offers.
    pub name: &'static str,
    /// The type of the command that expresses it.
    pub command: &'static str,
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
        let mut rules = all::<CoreRule>();
        rules.extend(PROVIDERS.iter().flat_map(|provider| (provider.rules)()));
        let rules = rules.into_iter().map(RuleEntry::of).collect();
        let retired = PROVIDERS.iter().flat_map(|provider| provider.retired).copied().collect();
        let providers = PROVIDERS.iter().map(ProviderEntry::of).collect();
        Self { rules_version: RULES_VERSION, rules, retired, flows, providers }
    }
}

impl Default for Catalogue {
    fn default() -> Self {
        Self::new()
    }
}

impl FlowEntry {
    fn of<F: Flow>() -> Self {
        let facets = F::Facets::tables();
        let triggers = F::Trigger::ALL.iter().map(|it| it.name()).collect();
        let actions = F::Action::ALL.iter().map(|it| ActionEntry::of(it.name())).collect();
        let views = coverage::VIEWS.iter().find(|it| it.flow == F::ID);
        let (effects, signals) = views.map_or_else(Default::default, |it| (it.effects, it.signals));
        Self { id: F::ID, format: F::FORMAT, facets, triggers, actions, effects, signals }
    }
}

impl RuleEntry {
    fn of(rule: &'static Rule) -> Self {
        let coverage = coverage::RULES.iter().find(|it| it.code == rule.code);
        let flows = coverage.map_or_else(Default::default, |it| it.flows).iter();
        let flows = flows.map(|(flow, broken_by)| AboutFlow { flow, broken_by }).collect();
        Self { rule, flows }
    }
}

/// Why an override of a rule would have no effect; nothing if it has one.
pub(crate) fn idle(rule: &Rule, level: Level) -> Option<&'static str> {
    match rule.enforcement {
        Enforcement::ByConstruction => {
            Some("nothing can break this rule, so that its level does not matter: remove the override")
        }
        Enforcement::ByHost => {
            Some("only the host can keep this rule, so that its level does not matter: remove the override")
        }
        Enforcement::LeftOut => Some("this rule is not kept, so that its level does not matter: remove the override"),
        Enforcement::Enforced if rule.level == Level::Forbid => {
            Some("no policy can change a rule whose level is `forbid`: remove the override")
        }
        Enforcement::Enforced if level == Level::Forbid => {
            Some("only a rule itself is `forbid`: give `deny` or `warn`")
        }
        Enforcement::Enforced => None,
    }
}

impl ProviderEntry {
    const fn of(provider: &Provider) -> Self {
        let Provider { name, acknowledgement, settings, keys, questions, .. } = *provider;
        Self { name, acknowledgement, settings, keys, questions }
    }
}

impl ActionEntry {
    fn of(name: &'static str) -> Self {
        Self { name, command: name.split_once('/').map_or(name, |(command, _)| command) }
    }
}
