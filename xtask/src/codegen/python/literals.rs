//! The names on the wire as `Literal`s: of flows, keys, verdicts, notices, signals and actions.

use rulebound::PROVIDERS;
use rulebound::catalogue::Catalogue;
use serde_json::{Value, json};

use super::super::OF_REQUESTS;
use super::super::bundles::{Definitions, pascal};

/// What each provider has a `Literal` for, by its name in the provider's module.
pub(super) const OF_A_PROVIDER: [&str; 5] = ["Action", "Notice", "Rule", "Signal", "Verdict"];

/// The fields that hold one of these names, in every provider's shapes.
const FIELDS: [(&str, &str, &str); 4] = [
    ("PendingEffectNotify", "reason", "Notice"),
    ("Wait", "signal", "Signal"),
    ("VerdictChoice", "verdict", "Verdict"),
    ("Reviewed", "verdict", "Verdict"),
];

/// Adds the names of the catalogue to the types, and refers to them.
pub(super) fn add(catalogue: &Catalogue, types: &mut Definitions) {
    let mut put = |name: String, doc: &str, mut names: Vec<&str>| {
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|it| seen.insert(*it));
        // A provider without names of a kind has a type that holds nothing.
        let closed = match names.is_empty() {
            true => json!({"description": doc, "not": {}}),
            false => json!({"description": doc, "type": "string", "enum": names}),
        };
        assert!(types.insert(name.clone(), closed).is_none(), "two types are called `{name}`");
    };
    let every = [""].into_iter().chain(PROVIDERS.iter().map(|it| it.name));
    for provider in every {
        let is_of = |name: &str| provider.is_empty() || name.split('.').next() == Some(provider);
        let flows = || catalogue.flows.iter().filter(|it| is_of(it.id));
        let providers = || catalogue.providers.iter().filter(|it| is_of(it.name));
        let name = |part: &str| format!("{}{part}", pascal(provider));
        let of = if provider.is_empty() { "any provider".to_owned() } else { format!("the provider `{provider}`") };
        let verdicts =
            flows().flat_map(|it| &it.reviews).flat_map(|it| &it.verdicts).map(|it| it.verdict).chain(OF_REQUESTS);
        put(name("Verdict"), &format!("A verdict of a review of {of}."), verdicts.collect());
        let notices = providers().flat_map(|it| &it.notices).map(|it| it.name);
        put(name("Notice"), &format!("A reason to notify a customer of {of}."), notices.collect());
        let signals = providers().flat_map(|it| &it.signals).map(|it| it.name);
        put(name("Signal"), &format!("A signal of {of}."), signals.collect());
        let actions = flows().flat_map(|it| &it.actions).map(|it| it.name);
        put(name("Action"), &format!("An action of a flow of {of}."), actions.collect());
        if provider.is_empty() {
            put("FlowId".into(), "The id of a flow.", flows().map(|it| it.id).collect());
            let keys = providers().flat_map(|it| it.keys).copied();
            put("KeyKind".into(), "The kind of a key that `key_for` makes.", keys.collect());
        }
    }
    for (shape, field, name) in FIELDS {
        let place = types.get_mut(shape).and_then(|it| it["properties"].get_mut(field));
        let place = place.unwrap_or_else(|| panic!("`{shape}` has no `{field}`"));
        *place = named(place["description"].clone(), name);
    }
}

fn named(description: Value, name: &str) -> Value {
    json!({"description": description, "allOf": [{"$ref": format!("#/$defs/{name}")}]})
}
