//! What the bindings declare alike: a class for each flow, and the shapes that it takes and gives.

use std::collections::btree_map::Entry;

use rulebound::Flow;
use serde_json::Value;

use super::bundles::{Definitions, pascal};

/// What every flow takes and gives.
const COMMON: [&str; 14] = [
    "Catalogue",
    "Config",
    "Fact",
    "Failure",
    "Ignored",
    "Origin",
    "PendingEffect",
    "ReceivedWebhook",
    "Request",
    "RuleCode",
    "Versions",
    "Violation",
    "Wait",
    "WebhookIds",
];

/// The definitions of every shape, and of all that those need.
pub(super) fn shapes(all: &Definitions) -> Definitions {
    let mut wanted = COMMON.map(String::from).to_vec();
    wanted.extend(classes().iter().flat_map(Class::types));
    reachable(all, wanted)
}

/// The class of one flow.
pub(super) struct Class {
    pub(super) provider: &'static str,
    pub(super) name: &'static str,
    pub(super) flow: &'static str,
}

impl Class {
    /// The names of the types that its commands, its settings, its actions and its status have, and of its provider's
    /// rules.
    pub(super) fn types(&self) -> [String; 5] {
        let (of, name) = (pascal(self.provider), self.name);
        let of_flow = |part: &str| format!("{of}{name}{part}");
        [of_flow("Command"), format!("{of}Settings"), of_flow("Action"), of_flow("Status"), format!("{of}Rule")]
    }
}

/// The class of every flow, in the order in which they are registered.
pub(super) fn classes() -> Vec<Class> {
    let mut classes = Vec::new();
    macro_rules! class {
        ($provider:ident :: $flow:ident) => {
            let (provider, name) = (stringify!($provider), stringify!($flow));
            classes.push(Class { provider, name, flow: <rulebound::$provider::$flow as Flow>::ID });
        };
    }
    rulebound::for_each_flow!(class);
    classes
}

/// The definitions of these names, and those that they refer to.
fn reachable(all: &Definitions, mut wanted: Vec<String>) -> Definitions {
    let mut found = Definitions::new();
    while let Some(name) = wanted.pop() {
        if let Entry::Vacant(place) = found.entry(name) {
            let name = place.key();
            let definition = all.get(name).unwrap_or_else(|| panic!("the schemas have no `{name}`")).clone();
            refer(&definition, &mut wanted);
            place.insert(definition);
        }
    }
    found
}

fn refer(schema: &Value, names: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            let reference = fields.get("$ref").and_then(Value::as_str);
            names.extend(reference.and_then(|it| it.rsplit('/').next()).map(String::from));
            fields.values().for_each(|it| refer(it, names));
        }
        Value::Array(list) => list.iter().for_each(|it| refer(it, names)),
        _ => {}
    }
}
