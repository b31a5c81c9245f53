//! What Node's package says of the code: a type for each shape, from the schemas, and a class for each flow.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use rulebound::catalogue::{Catalogue, FlowEntry};
use serde_json::{Value, json};

use super::builders;
use super::bundles::{Definitions, pascal};
use super::classes::{Class, classes, shapes};
use super::derived::{Derived, Generator};
use super::{Generated, OF_REQUESTS};

const GENERATOR: Generator = Generator("typescript");
const PACKAGE: &str = "bindings/node";
/// The facts whose raw body may be bytes in JavaScript.
const WITH_BODY: [&str; 3] = ["Reply", "Webhook", "WebhookFact"];
/// Headers, as Node and `fetch` have them.
const HEADERS: &str = "{ readonly [name: string]: string | readonly string[] | undefined } \
    | Iterable<readonly [name: string, value: string | readonly string[] | undefined]>";
/// What the package exports besides the providers, as `lib/index.cjs` does.
const FUNCTIONS: [&str; 12] = [
    "NotAuthentic",
    "RuleboundError",
    "Snapshot",
    "ask",
    "call",
    "catalogue",
    "facts",
    "keyFor",
    "load",
    "readWebhook",
    "versions",
    "webhookIds",
];

/// The declarations of the classes and of the builders, and the names that `import` gives.
pub(super) fn files(all: &Definitions) -> Vec<Generated> {
    let mut by: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for class in classes() {
        by.entry(class.provider).or_default().push(class);
    }
    vec![
        file("types/flows.d.cts", &declarations(&by, all)),
        file("lib/index.mjs", &exports(by.keys().copied())),
        file("lib/names.cjs", &builders::names(&by, all)),
    ]
}

/// The types, which the field's own generator makes.
pub(super) fn derived(all: &Definitions) -> Derived {
    let mut types = shapes(all);
    for fact in WITH_BODY {
        if let Some(body) = types.get_mut(fact).map(|it| &mut it["properties"]["body"]) {
            *body = json!({"description": body["description"], "tsType": "string | Uint8Array"});
        }
    }
    if let Some(headers) = types.get_mut("Reply").map(|it| &mut it["properties"]["headers"]) {
        *headers = json!({"description": headers["description"], "tsType": "AnyHeaders"});
    }
    let doc = "Headers as Node or `fetch` have them: an object, or pairs such as those of a `Map` or of `Headers`.";
    types.insert("AnyHeaders".into(), json!({"description": doc, "tsType": HEADERS}));
    types.insert("ProviderName".into(), all["ProviderName"].clone());
    types.insert("ProblemCode".into(), all["CallErrorFields"]["properties"]["code"].clone());
    close(&mut types);
    name_parts(&mut types);
    for shape in ["Reviewed", "VerdictChoice"] {
        if let Some(verdict) = types.get_mut(shape).map(|it| &mut it["properties"]["verdict"]) {
            *verdict = json!({"description": verdict["description"], "tsType": "Verdict"});
        }
    }
    let source = json!({"$defs": types}).to_string();
    Derived { path: format!("{PACKAGE}/types/shapes.d.cts"), source, by: GENERATOR }
}

/// Closes each set of values that only commands have: a rule rejects any other value, and a compiler can say so first.
pub(super) fn close(types: &mut Definitions) {
    let commands = classes().into_iter().map(|class| class.types()[0].clone());
    let of_commands = within(types, commands.collect());
    let others = types.keys().filter(|name| !of_commands.contains(*name)).cloned().collect();
    let elsewhere = within(types, others);
    for name in of_commands.difference(&elsewhere) {
        let Some(definition) = types.get_mut(name) else { continue };
        let known = definition["anyOf"].as_array().and_then(|either| either.iter().find(|it| !it["enum"].is_null()));
        if let Some(known) = known.cloned() {
            *definition = json!({"description": definition["description"], "type": "string", "enum": known["enum"]});
        }
    }
}

/// The names of these types, and of all that they are made of.
fn within(types: &Definitions, mut wanted: Vec<String>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    while let Some(name) = wanted.pop() {
        if found.insert(name.clone()) {
            wanted.extend(types.keys().filter(|it| types[&name].to_string().contains(&format!("/{it}\""))).cloned());
        }
    }
    found
}

/// Adds the names that the catalogue has: the effects and signals of each flow, kinds of keys, and questions.
fn name_parts(types: &mut Definitions) {
    let Catalogue { flows, providers, .. } = Catalogue::new();
    let kinds = providers.iter().flat_map(|it| it.keys.iter().copied());
    types.insert(
        "KeyKind".into(),
        closed("The kinds of `keyFor`: flows that belong to one object of the provider.", kinds),
    );
    types.insert("FlowId".into(), closed("The id of a flow.", flows.iter().map(|it| it.id)));
    types.insert("Verdict".into(), closed("A verdict on a review, of any provider.", verdicts(&flows, "")));
    for provider in &providers {
        let (name, of) = (provider.name, pascal(provider.name));
        let doc = format!("A verdict on a review of the provider `{name}`.");
        types.insert(format!("{of}Verdict"), closed(&doc, verdicts(&flows, &format!("{name}."))));
        let doc = format!("A reason to notify a customer of the provider `{name}`.");
        types.insert(format!("{of}Notice"), closed(&doc, provider.notices.iter().map(|it| it.name)));
        let doc = format!("A signal of the provider `{name}`.");
        types.insert(format!("{of}Signal"), closed(&doc, provider.signals.iter().map(|it| it.name)));
        let doc = format!("A question to the provider `{}` that needs no snapshot.", provider.name);
        types.insert(question(provider.name), closed(&doc, provider.questions.iter().map(|it| it.name)));
    }
    for class in classes() {
        let Some(flow) = flows.iter().find(|it| it.id == class.flow) else { continue };
        let doc = format!("An effect of `{}`, by its kind and its name.", class.flow);
        types.insert(class.effect(), closed(&doc, flow.effects.iter().copied()));
        let doc = format!("A signal that `{}` can wait for.", class.flow);
        types.insert(class.signal(), closed(&doc, flow.signals.iter().copied()));
    }
}

fn closed<'a>(doc: &str, names: impl Iterator<Item = &'a str>) -> Value {
    json!({"description": doc, "type": "string", "enum": names.collect::<Vec<_>>()})
}

/// The verdicts on the reviews of the flows whose ids begin so.
fn verdicts(flows: &[FlowEntry], beginning: &str) -> impl Iterator<Item = &'static str> + use<> {
    let flows = flows.iter().filter(|it| it.id.starts_with(beginning));
    let reviews = flows.flat_map(|it| &it.reviews);
    let verdicts: BTreeSet<_> = reviews.flat_map(|it| &it.verdicts).map(|it| it.verdict).chain(OF_REQUESTS).collect();
    verdicts.into_iter()
}

/// The name of the type of a provider's questions.
fn question(provider: &str) -> String {
    format!("{}Question", pascal(provider))
}

impl Class {
    /// The name of the type of its effects' names.
    fn effect(&self) -> String {
        self.part("EffectName")
    }

    /// The name of the type of the signals that it can wait for.
    fn signal(&self) -> String {
        self.part("Signal")
    }

    fn part(&self, name: &str) -> String {
        let [command, ..] = self.types();
        format!("{}{name}", command.trim_end_matches("Command"))
    }
}

fn file(name: &str, text: &str) -> Generated {
    let text = format!("// Generated by `cargo xtask codegen`.\n\n{text}");
    Generated { path: format!("{PACKAGE}/{name}"), text }
}

fn exports<'a>(providers: impl Iterator<Item = &'a str>) -> String {
    let names: BTreeSet<_> = FUNCTIONS.into_iter().chain(providers).collect();
    let names: Vec<_> = names.into_iter().collect();
    format!("import rulebound from './index.cjs';\n\nexport const {{\n  {},\n}} = rulebound;\n", names.join(",\n  "))
}

fn declarations(by: &BTreeMap<&str, Vec<Class>>, all: &Definitions) -> String {
    let mut text = String::from(
        "import type { CheckedRequest, Fields, FlexAssessment, FlexLine, RevupCallback } from './builders.cjs';\n\
         import type * as shapes from './shapes.cjs';\nimport { Snapshot } from './snapshot.cjs';\n",
    );
    for (provider, classes) in by {
        let _ = writeln!(text, "\nexport namespace {provider} {{");
        for class in classes {
            let [command, _, action, status, _] = class.types();
            let Class { name, flow, .. } = class;
            let of = [command, action, class.effect(), class.signal(), status].map(|it| format!("shapes.{it}"));
            let of = of.join(", ");
            let _ = write!(
                text,
                "  /** A snapshot of the flow `{flow}`. */\n  \
                 class {name} extends Snapshot<{of}> {{\n    \
                 private constructor();\n    \
                 static readonly flow: '{flow}';\n    \
                 /** A flow that has not started. Never use its key again. */\n    \
                 static start(key: string): {name};\n    \
                 /** Reads a snapshot of this flow that this or an older release saved. */\n    \
                 static load(row: string): {name};\n    \
                 readonly flow: '{flow}';\n  }}\n",
            );
        }
        text.push_str(&builders::declarations(provider, classes, all));
        text.push_str("}\n");
    }
    text.push_str("\n/** The questions of each provider. */\nexport interface Questions {\n");
    for provider in by.keys() {
        let _ = writeln!(text, "  {provider}: shapes.{};", question(provider));
    }
    text.push_str("}\n");
    let all: Vec<_> = by.values().flatten().map(|class| format!("{}.{}", class.provider, class.name)).collect();
    let _ = write!(
        text,
        "\n/** A snapshot of any flow. Its `flow` says which one. */\nexport type AnyFlow = {};\n",
        all.join(" | ")
    );
    text
}
