//! The JSON Schemas: one bundle for each provider, and one that contains everything.

mod calls;
mod flows;
mod shape;

use std::collections::BTreeMap;

use rulebound::PROVIDERS;
use rulebound::catalogue::Catalogue;
use rulebound::ffi::schema::Types;
use serde_json::{Map, Value, json};

use super::Generated;
pub(super) use shape::pascal;

/// Every definition of every bundle, by its name.
pub type Definitions = BTreeMap<String, Value>;

/// The definitions that every bundle contains.
const COMMON: [&str; 7] = ["CallError", "CallRejected", "Config", "Fact", "PendingEffect", "TypedId", "Wait"];

/// The files of the bundles.
pub(super) fn files(catalogue: &Catalogue) -> Vec<Generated> {
    let all = definitions(catalogue);
    let providers = PROVIDERS.iter().map(|provider| of_provider(provider.name, catalogue, &all));
    let bundles = providers.chain([of_everything(&all)]);
    bundles
        .map(|(name, bundle)| Generated {
            path: format!("schemas/{name}.schema.json"),
            text: serde_json::to_string_pretty(&bundle).unwrap_or_default() + "\n",
        })
        .collect()
}

/// Every definition, made from the types of the library.
pub fn definitions(catalogue: &Catalogue) -> Definitions {
    let types = Types::new();
    let mut all = shape::definitions(&types);
    let codes = catalogue.rules.iter().map(|it| it.rule.code);
    shape::fill_codes(&mut all, codes);
    for provider in PROVIDERS {
        let codes = catalogue.rules.iter().map(|it| it.rule.code).filter(|code| is_of(code, provider.name));
        let doc = format!("A rule of the provider `{}`.", provider.name);
        all.insert(format!("{}Rule", pascal(provider.name)), shape::closed(&doc, codes));
    }
    for flow in &types.flows {
        flows::define(flow, &mut all);
    }
    flows::name_flows(&types.flows, &mut all);
    calls::define(&types.flows, &mut all);
    shape::finish(all)
}

/// Whether a rule's code or a flow's id is a provider's.
fn is_of(name: &str, provider: &str) -> bool {
    name.split('.').next() == Some(provider)
}

fn of_provider(provider: &'static str, catalogue: &Catalogue, all: &Definitions) -> (&'static str, Value) {
    let flows = catalogue.flows.iter().filter(|flow| is_of(flow.id, provider));
    let snapshots: Vec<_> = flows.map(|flow| format!("{}Snapshot", pascal(flow.id))).collect();
    let of_flows = all.keys().filter(|name| {
        snapshots.iter().any(|flow| flow.strip_suffix("Snapshot").is_some_and(|flow| name.starts_with(flow)))
    });
    let of_rules = format!("{}Rule", pascal(provider));
    let roots = of_flows.map(String::as_str).chain(COMMON).chain([of_rules.as_str()]);
    let held = shape::reachable(roots, all);
    let root = json!({"anyOf": snapshots.iter().map(|name| reference(name)).collect::<Vec<_>>()});
    let doc = format!("A snapshot of one of `{provider}`'s flows. The definitions have its commands and its results.");
    (provider, bundle(provider, &doc, root, held))
}

fn of_everything(all: &Definitions) -> (&'static str, Value) {
    let held = all.iter().map(|(name, definition)| (name.clone(), definition.clone())).collect();
    let doc = "A request to `call`. The definitions have its answers, and every type that both contain.";
    ("rulebound", bundle("rulebound", doc, reference("CallRequest"), held))
}

fn bundle(name: &str, doc: &str, root: Value, held: Map<String, Value>) -> Value {
    let mut bundle = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:rulebound:{}:{name}", env!("CARGO_PKG_VERSION")),
        "title": pascal(name),
        "description": doc,
        "$defs": held,
    });
    if let (Value::Object(bundle), Value::Object(root)) = (&mut bundle, root) {
        bundle.extend(root);
    }
    bundle
}

/// A reference to a definition.
fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}
