//! The definitions of each flow: its snapshot, commands, steps, leases and actions.

use std::collections::{BTreeMap, BTreeSet};

use rulebound::ffi::schema::FlowTypes;
use serde_json::{Value, json};

use super::shape::{add, closed, pascal, rename, tag};
use super::{Definitions, reference};

/// Adds the definitions of a flow: those that the types of its state name get the name of the flow.
pub(super) fn define(flow: &FlowTypes, all: &mut Definitions) {
    let name = &flow.name;
    let snapshot = all.remove(&format!("{name}StateSaved")).unwrap_or_default();
    if !flow.older.is_empty() {
        add(format!("{name}OlderSnapshot"), older(flow, &snapshot), all);
    }
    let snapshot = add(format!("{name}Snapshot"), snapshot, all);
    commands(flow, all);
    add(format!("{name}ActionName"), closed("An action of this flow.", flow.actions.iter().copied()), all);
    for part in ["Step", "Lease"] {
        let moved = with(all[part].clone(), "next", &snapshot);
        add(format!("{name}{part}"), moved, all);
    }
    for part in ["Facets", "Intent", "Status"] {
        rename(&format!("{name}State{part}"), &format!("{name}{part}"), all);
    }
    let intent = with(all[&format!("{name}Intent")].clone(), "action", &reference(&format!("{name}ActionName")));
    all.insert(format!("{name}Intent"), intent);
    let action = with(all["Action"].clone(), "action", &reference(&format!("{name}ActionName")));
    add(format!("{name}Action"), action, all);
}

/// A snapshot in an older format: what every format has, around a state and effects that only the library reads.
fn older(flow: &FlowTypes, newest: &Value) -> Value {
    let mut older = newest.clone();
    older["description"] = "A snapshot in a format that an older release saved.".into();
    older["properties"]["format"] = json!({
        "description": "The format.", "type": "integer", "enum": flow.older,
        "minimum": flow.older.iter().min(), "maximum": flow.older.iter().max(),
    });
    older["properties"]["state"] = json!({"description": "The state of the lifecycle.", "type": "object"});
    older["properties"]["outbox"] = json!({"description": "The pending effects, the oldest first.", "type": "array"});
    older
}

/// A snapshot as it is given to a verb, or saved: of the newest format or of an older one.
pub(super) fn stored(flow: &FlowTypes) -> Value {
    let of_flow = |part: &str| reference(&format!("{}{part}", flow.name));
    match flow.older.is_empty() {
        true => of_flow("Snapshot"),
        false => json!({"anyOf": [of_flow("Snapshot"), of_flow("OlderSnapshot")]}),
    }
}

/// A schema whose property is something more exact.
pub(super) fn with(mut schema: Value, property: &str, exact: &Value) -> Value {
    let there = &mut schema["properties"][property];
    let doc = there.get("description").cloned().unwrap_or_default();
    *there = exact.clone();
    if doc.is_string() {
        there["description"] = doc;
    }
    schema
}

/// Lets a command name its flow: one of those of its provider that have a command of this name, which share its builder.
pub(super) fn name_flows(flows: &[FlowTypes], all: &mut Definitions) {
    let mut owners: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
    let mut types: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for flow in flows {
        let provider = flow.id.split('.').next().unwrap_or_default();
        for variant in all[&format!("{}Command", flow.name)]["oneOf"].as_array().into_iter().flatten() {
            let name = variant["$ref"].as_str().and_then(|it| it.rsplit('/').next()).unwrap_or_default();
            let command = (provider.to_owned(), tag(&all[name]));
            owners.entry(command.clone()).or_default().insert(flow.id);
            types.entry(command).or_default().insert(name.to_owned());
        }
    }
    for (command, names) in types {
        for name in names {
            let doc = "The flow that the command is for. It is rejected by a snapshot of another flow.";
            let properties = all.get_mut(&name).and_then(|it| it.get_mut("properties")).and_then(Value::as_object_mut);
            let own = properties.and_then(|it| it.insert("flow".into(), closed(doc, owners[&command].iter().copied())));
            assert!(own.is_none(), "`{name}` has a field `flow` of its own");
        }
    }
}

/// Names each command: after its provider if it is the same in all of the provider's flows, otherwise after its flow.
fn commands(flow: &FlowTypes, all: &mut Definitions) {
    let union = format!("{}Command", flow.name);
    let provider = pascal(flow.id.split('.').next().unwrap_or_default());
    let mut definition = all.remove(&union).unwrap_or_default();
    let mut variants = Vec::new();
    for command in definition.get_mut("oneOf").and_then(Value::as_array_mut).into_iter().flatten() {
        let tag = pascal(&tag(command));
        let shared = format!("{provider}{tag}");
        // The description of the same fields in another flow is true here as well.
        if let Some(fields) = all.get(&format!("{shared}Fields")) {
            command["description"] = fields["description"].clone();
        }
        let name = match all.get(&shared).is_none_or(|it| it == command) {
            true => shared,
            false => format!("{}{tag}", flow.name),
        };
        variants.push(add(name, command.take(), all));
    }
    definition["oneOf"] = variants.into();
    add(union, definition, all);
}
