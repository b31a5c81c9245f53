//! The catalogue: every rule and every flow, as data.

mod coverage;

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use crate::effect::{self, KeyLifetime, Operation, Retry, VerdictChoice};
use crate::flow::{Facets, Flow, Named, Reviews, Table, Text};
use crate::providers::{PROVIDERS, Provider, Question, all, for_each_known_flow};
use crate::rule::{CoreRule, Rule, Source};

/// The version of the rules, which differs from that of the library. It changes whenever a rule changes.
pub const RULES_VERSION: &str = "2026.11";

/// Every rule, flow and provider of the library, as data.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Catalogue {
    /// The version of the rules.
    pub rules_version: &'static str,
    /// The library's own rules, then every provider's.
    pub rules: Vec<RuleEntry>,
    /// The codes of retired rules, which never come back.
    pub retired: Vec<&'static str>,
    /// Every flow.
    pub flows: Vec<FlowEntry>,
    /// Every provider.
    pub providers: Vec<ProviderEntry>,
}

/// One rule, and the flows that it is about.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "CatalogueRule"))]
#[non_exhaustive]
pub struct RuleEntry {
    /// Its declaration.
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
    /// What can break the rule there: actions by their names, facts by their types; empty if nothing can.
    pub broken_by: &'static [&'static str],
}

/// One provider.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "CatalogueProvider"))]
#[non_exhaustive]
pub struct ProviderEntry {
    /// Its name. The codes of its rules and the ids of its flows begin with it.
    pub name: &'static str,
    /// The HTTP status that it expects for a webhook that the host has stored.
    pub acknowledgement: u16,
    /// The page that documents the addresses of its servers.
    pub settings: Source,
    /// The kinds of `key_for`: flows that belong to one object of the provider.
    pub keys: &'static [&'static str],
    /// The questions that need no snapshot.
    pub questions: &'static [Question],
    /// The notices to a customer, as the reasons of `notify`.
    pub notices: Vec<Text>,
    /// The signals that its flows wait for.
    pub signals: Vec<Text>,
}

/// A question for a person.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "CatalogueReview"))]
#[non_exhaustive]
pub struct ReviewEntry {
    /// The reason for the question.
    pub reason: &'static str,
    /// The question.
    pub question: &'static str,
    /// The verdicts to choose from, some of which a review may leave out.
    pub verdicts: Vec<VerdictChoice>,
}

impl ReviewEntry {
    fn of(review: impl Reviews) -> Self {
        let question = review.question();
        let verdicts = question.choices.iter().copied().map(VerdictChoice::from).collect();
        Self { reason: question.reason, question: question.text, verdicts }
    }
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
    /// What can move its facets: commands by their types, and names for the other inputs.
    pub triggers: Vec<&'static str>,
    /// Its actions.
    pub actions: Vec<ActionEntry>,
    /// Its effects: `request/` with the operation, `notify/` or `review/` with the reason, `fulfill` or `access`.
    pub effects: &'static [&'static str],
    /// The signals that it can wait for.
    pub signals: &'static [&'static str],
    /// The requests that it makes.
    pub operations: Vec<OperationEntry>,
    /// The questions for a person that it can ask.
    pub reviews: Vec<ReviewEntry>,
}

/// One operation of the provider, as a request.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "CatalogueOperation"))]
#[non_exhaustive]
pub struct OperationEntry {
    /// The provider's name for it.
    pub name: &'static str,
    /// What a worker can do while its outcome is unknown.
    pub retry: Retry,
    /// How long it can be sent again under its idempotency key; `null` if it has none.
    pub key_lifetime: Option<KeyLifetime>,
}

/// One action: an operation, or one shape of it.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "CatalogueAction"))]
#[non_exhaustive]
pub struct ActionEntry {
    /// Its name, as `actions` lists it.
    pub name: &'static str,
    /// The type of the command that carries it out.
    pub command: &'static str,
    /// A few words, such as for a button.
    pub label: String,
    /// What it does, in a sentence or two.
    pub about: &'static str,
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
        for_each_known_flow!(entry);
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
        let actions = F::Action::ALL.iter().copied().map(ActionEntry::of).collect();
        let views = coverage::VIEWS.iter().find(|it| it.flow == F::ID);
        let (effects, signals) = views.map_or_else(Default::default, |it| (it.effects, it.signals));
        let calls = <F::Call as effect::Call>::operations();
        let has = |kind, name| effects.iter().any(|it| it.split_once('/') == Some((kind, name)));
        let is_made = |it: &&&Operation| has("request", it.name);
        // Several operations of a provider ask for their outcome, each in its own words.
        let is_asked = |review: &F::Review| {
            let question = review.question();
            let mut asking = calls.iter().filter(|it| it.question().text == question.text).peekable();
            has("review", question.reason) && (asking.peek().is_none() || asking.any(|it| is_made(&it)))
        };
        let reviews = F::Review::ALL.iter().copied().filter(is_asked).map(ReviewEntry::of).collect();
        let operations = calls.iter().filter(is_made).map(|it| OperationEntry::of(it)).collect();
        Self { id: F::ID, format: F::FORMAT, facets, triggers, actions, effects, signals, operations, reviews }
    }
}

impl OperationEntry {
    const fn of(operation: &Operation) -> Self {
        Self { name: operation.name, retry: operation.class, key_lifetime: operation.key_lifetime }
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

impl ProviderEntry {
    fn of(provider: &Provider) -> Self {
        let Provider { name, acknowledgement, settings, keys, questions, notices, signals, .. } = *provider;
        Self { name, acknowledgement, settings, keys, questions, notices: notices(), signals: signals() }
    }
}

impl ActionEntry {
    fn of(action: impl Named) -> Self {
        let Text { name, label, about } = Text::of(action);
        let command = name.split_once('/').map_or(name, |(command, _)| command);
        Self { name, command, label, about }
    }
}
