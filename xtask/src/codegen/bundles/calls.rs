//! The requests and the answers of `call`, for each verb and each flow.

use rulebound::PROVIDERS;
use rulebound::ffi::schema::FlowTypes;
use serde_json::{Value, json};

use super::flows::{stored, with};
use super::shape::{add, closed, pascal};
use super::{Definitions, reference};

/// The verbs whose fields and answers are a flow's, with the definition that the answer is, if it is the flow's own.
const OF_A_FLOW: [(&str, Option<&str>); 12] = [
    ("start", Some("Snapshot")),
    ("load", Some("Snapshot")),
    ("save_as", Some("Snapshot")),
    ("handle", Some("Step")),
    ("lease", Some("Lease")),
    ("observe", Some("Step")),
    ("status", Some("Status")),
    ("effects", None),
    ("waiting_for", None),
    ("actions", Some("Action")),
    ("wake_at", None),
    ("ids", None),
];

/// Adds the definitions of every verb.
pub(super) fn define(flows: &[FlowTypes], all: &mut Definitions) {
    let rejection = all.remove("CallRejectedFields").unwrap_or_default();
    let rejected = with(all["CallRejected"].clone(), "rejected", &add("Rejection".into(), rejection, all));
    all.insert("CallRejected".into(), rejected);
    let names = PROVIDERS.iter().map(|it| it.name);
    add("ProviderName".into(), closed("The name of a provider.", names), all);
    for (verb, answer) in OF_A_FLOW {
        let fields = fields_of(verb, all);
        let requests =
            flows.iter().map(|flow| add(format!("{}{}Fields", flow.name, pascal(verb)), of_flow(&fields, flow), all));
        let requests: Vec<_> = requests.collect();
        set_fields(verb, json!({"anyOf": requests}), all);
        let Some(answer) = answer else { continue };
        let ok = |flow: &FlowTypes| match verb {
            "actions" => json!({"type": "array", "items": reference(&format!("{}{answer}", flow.name))}),
            "save_as" => stored(flow),
            _ => reference(&format!("{}{answer}", flow.name)),
        };
        let replies = flows.iter().map(|flow| reply(&format!("{}{}", flow.name, pascal(verb)), verb, ok(flow), all));
        let replies: Vec<_> = replies.collect();
        let doc = format!("The answer of `{verb}`.");
        add(format!("Call{}Reply", pascal(verb)), json!({"description": doc, "anyOf": replies}), all);
    }
    let list = |name: &str| json!({"type": "array", "items": reference(name)});
    for (verb, ok) in [
        ("effects", list("PendingEffect")),
        ("waiting_for", list("Wait")),
        ("wake_at", json!({"anyOf": [reference("Timestamp"), {"type": "null"}]})),
        ("ids", list("TypedId")),
        ("read_webhook", reference("ReceivedWebhook")),
        ("webhook_ids", reference("WebhookIds")),
        ("key_for", reference("Key")),
        ("ask", json!({})),
        ("catalogue", reference("Catalogue")),
        ("versions", reference("Versions")),
    ] {
        reply(&format!("Call{}", pascal(verb)), verb, ok, all);
    }
    for verb in ["read_webhook", "webhook_ids", "ask"] {
        let fields = format!("Call{}Fields", pascal(verb));
        let definition = with(all[&fields].clone(), "provider", &reference("ProviderName"));
        let definition = match verb {
            "webhook_ids" => with(definition, "fact", &reference("Fact")),
            _ => definition,
        };
        all.insert(fields, definition);
    }
}

/// The fields of a verb, as the types describe them.
fn fields_of(verb: &str, all: &mut Definitions) -> Value {
    let of_verb = all.remove(&format!("Call{}Fields", pascal(verb)));
    of_verb.unwrap_or_else(|| all["View"].clone())
}

/// Sets the fields of a verb.
fn set_fields(verb: &str, fields: Value, all: &mut Definitions) {
    let name = format!("Call{}", pascal(verb));
    let definition = with(all[&name].clone(), verb, &fields);
    all.insert(name, definition);
}

/// The fields of a verb, of one flow.
fn of_flow(fields: &Value, flow: &FlowTypes) -> Value {
    let of_flow = |part: &str| reference(&format!("{}{part}", flow.name));
    let exact = [
        ("flow", json!({"type": "string", "const": flow.id})),
        ("snapshot", stored(flow)),
        ("command", of_flow("Command")),
        ("fact", reference("Fact")),
    ];
    exact.iter().fold(fields.clone(), |fields, (property, exact)| match fields["properties"].get(*property) {
        Some(_) => with(fields, property, exact),
        None => fields,
    })
}

/// Adds the answer of a verb: its result, a rejection if it can reject, or an error.
fn reply(name: &str, verb: &str, ok: Value, all: &mut Definitions) -> Value {
    let doc = format!("The successful answer of `{verb}`.");
    let ok = json!({
        "description": doc, "type": "object", "additionalProperties": false, "required": ["ok"],
        "properties": {"ok": with(json!({"properties": {"ok": {"description": "The result."}}}), "ok", &ok)["properties"]["ok"]},
    });
    let ok = add(format!("{name}Ok"), ok, all);
    let mut answers = vec![ok, reference("CallError")];
    if ["handle", "lease"].contains(&verb) {
        answers.insert(1, reference("CallRejected"));
    }
    let doc = format!("The answer of `{verb}`.");
    add(format!("{name}Reply"), json!({"description": doc, "oneOf": answers}), all)
}
