//! Python's builders: a function for each command and each question of a provider.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use rulebound::PROVIDERS;
use serde_json::Value;

use super::super::builders::flow;
use super::super::bundles::{Definitions, pascal};
use super::super::classes::Class;
use super::questions;

/// One function of a provider's module.
pub(super) struct Function {
    pub(super) name: String,
    doc: String,
    /// Each parameter with its type: first those that are required.
    parameters: Vec<Parameter>,
    returns: String,
    /// What it calls, up to the fields.
    body: String,
}

/// One keyword of a function.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) annotation: String,
    pub(super) is_required: bool,
}

/// What Python does not allow as the name of a parameter, as far as a wire name could be one.
const KEYWORDS: [&str; 9] = ["class", "def", "for", "from", "global", "if", "import", "in", "return"];

/// The functions of a provider: its commands, then its questions.
pub(super) fn functions(provider: &str, classes: &[Class], all: &Definitions) -> Vec<Function> {
    let mut commands: BTreeMap<String, Function> = BTreeMap::new();
    for class in classes {
        let [command, ..] = class.types();
        for variant in all[&command]["oneOf"].as_array().into_iter().flatten() {
            let function = command_function(&referred(variant), all);
            if let Some(other) = commands.get(&function.name) {
                // One function serves both flows, because TypedDicts with the same fields are the same type.
                assert!(other.parameters == function.parameters, "two commands are called `{}`", function.name);
                continue;
            }
            commands.insert(function.name.clone(), function);
        }
    }
    let asked = PROVIDERS.iter().filter(|it| it.name == provider).flat_map(|it| it.questions);
    let mut functions: Vec<_> = commands.into_values().collect();
    for question in asked {
        let (parameters, returns) = questions::types(provider, question.name, question.fields);
        let body = format!("question(\"{provider}\", \"{}\", locals())", question.name);
        assert!(functions.iter().all(|it| it.name != question.name), "`{}` is a command too", question.name);
        functions.push(Function { name: question.name.into(), doc: question.about.into(), parameters, returns, body });
    }
    functions
}

fn command_function(definition: &str, all: &Definitions) -> Function {
    let schema = &all[definition];
    let name = schema["properties"]["type"]["const"].as_str().unwrap_or_default();
    let required: BTreeSet<_> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let fields = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| !["type", "flow"].contains(&name.as_str()));
    let mut parameters: Vec<_> = fields
        .map(|(name, schema)| {
            assert!(!KEYWORDS.contains(&name.as_str()), "`{name}` is a keyword of Python");
            let is_required = required.contains(name.as_str());
            Parameter { name: name.clone(), annotation: annotation(schema), is_required }
        })
        .collect();
    parameters.sort_by_key(|it| !it.is_required);
    let doc = schema["description"].as_str().unwrap_or_default().split("\n\n").next().unwrap_or_default().to_owned();
    let body = match flow(schema) {
        Some(flow) => format!("command(\"{name}\", locals(), \"{flow}\")"),
        None => format!("command(\"{name}\", locals())"),
    };
    Function { name: name.into(), doc, parameters, returns: definition.into(), body }
}

impl Function {
    /// The function itself: a name that is not given is not in the command.
    pub(super) fn code(&self) -> String {
        let signature = self.signature(|it| if it.is_required { it.name.clone() } else { format!("{}=None", it.name) });
        format!("\n\ndef {}({signature}):\n    \"\"\"{}\"\"\"\n    return {}\n", self.name, self.docstring(), self.body)
    }

    /// Its declaration, with the types.
    pub(super) fn stub(&self) -> String {
        let signature = self.signature(|Parameter { name, annotation, is_required }| match is_required {
            true => format!("\n    {name}: {annotation}"),
            false => format!("\n    {name}: {} = None", optional(annotation)),
        });
        let signature = signature.replacen("*, \n", "*,\n", 1).replace(", \n", ",\n");
        let end = if self.parameters.is_empty() { "" } else { ",\n" };
        let before = if self.parameters.is_empty() { "" } else { "\n    " };
        let Self { name, returns, .. } = self;
        format!("\ndef {name}({before}{signature}{end}) -> {returns}:\n    \"\"\"{}\"\"\"\n", self.docstring())
    }

    fn signature(&self, show: impl Fn(&Parameter) -> String) -> String {
        let mut text = String::new();
        for parameter in &self.parameters {
            let _ = write!(text, "{}{}", if text.is_empty() { "*, " } else { ", " }, show(parameter));
        }
        text
    }

    fn docstring(&self) -> String {
        self.doc.replace('\n', "\n    ")
    }

    /// The names of `types` that the declaration uses.
    pub(super) fn names(&self, all: &Definitions) -> BTreeSet<String> {
        let annotations = self.parameters.iter().map(|it| it.annotation.as_str()).chain([self.returns.as_str()]);
        let words = annotations.flat_map(|it| it.split(|it: char| !it.is_alphanumeric()));
        words.filter(|it| all.contains_key(*it)).map(str::to_owned).collect()
    }
}

/// A type that `None` belongs to as well.
fn optional(annotation: &str) -> String {
    match annotation.split(" | ").any(|it| it == "None") {
        true => annotation.into(),
        false => format!("{annotation} | None"),
    }
}

/// The type of a field, as Python writes it.
fn annotation(schema: &Value) -> String {
    let several = |list: &Value| {
        let types: Vec<_> = list.as_array().into_iter().flatten().map(annotation).collect();
        types.join(" | ")
    };
    if schema["$ref"].is_string() {
        return referred(schema);
    }
    for word in ["anyOf", "oneOf", "allOf"] {
        if schema[word].is_array() {
            return several(&schema[word]);
        }
    }
    match &schema["type"] {
        Value::String(name) => plain(name, schema),
        Value::Array(names) => {
            let types: Vec<_> = names.iter().filter_map(Value::as_str).map(|it| plain(it, schema)).collect();
            types.join(" | ")
        }
        _ => "Any".into(),
    }
}

fn plain(name: &str, schema: &Value) -> String {
    match name {
        "array" => return format!("list[{}]", annotation(&schema["items"])),
        "boolean" => "bool",
        "integer" => "int",
        "null" => "None",
        "number" => "float",
        "string" => "str",
        _ => "dict[str, Any]",
    }
    .into()
}

fn referred(schema: &Value) -> String {
    schema["$ref"].as_str().and_then(|it| it.rsplit('/').next()).unwrap_or_default().into()
}

/// The prefix of a provider's types.
pub(super) fn prefix(provider: &str) -> String {
    pascal(provider)
}
