//! The life as a program, in Python and in Node.

use std::fmt::Write;

use rulebound_tests::vectors::{key, with_text};
use serde_json::Value;

use super::fold::{BETWEEN, Fold, WITHIN};
use super::{Does, Life, Step, in_order, members};
use crate::codegen::builders::camel;

const PYTHON: Fold = Fold { indent: "    ", close: "'", open: "'" };
const NODE: Fold = Fold { indent: "  ", close: "' +", open: "'" };

impl Life<'_> {
    pub(super) fn python(&self) -> Result<String, String> {
        let (provider, class, steps) = (self.provider, self.class()?, self.steps()?);
        let mut text = format!("from rulebound import Rejected, facts, {provider}\n\n");
        let _ = writeln!(text, "row = {provider}.{class}.start({})", python(&key(&self.vector["key"])));
        if let Some(config) = self.vector.get("config") {
            text += &PYTHON.fold(&format!("config = {}\n", python(config)));
        }
        for (before, step) in in_order(&steps) {
            text += &step.new_day(before).map(|day| format!("# {day}\n")).unwrap_or_default();
            let context = self.context(step, "now=", "config=config");
            let call = match step.does {
                Does::Handle(command) => format!("row.handle({}, {BETWEEN}{context})", self.python_command(command)),
                Does::Lease(effect) => format!("row.lease({}, {context})", quoted(effect)),
                Does::Observe(fact) => format!("row.observe({}, {BETWEEN}{context})", python_fact(&with_text(fact))),
            };
            text += &match step.is_rejected() {
                true => {
                    let call = PYTHON.fold(&format!("    {call}\n")).replace("\n    ", "\n        ");
                    format!("try:\n{call}except Rejected as rejected:\n    print(rejected)\n")
                }
                false => PYTHON.fold(&format!("row = {call}.next\n")),
            };
        }
        if let Some(last) = steps.last() {
            let _ = writeln!(text, "print(row.status({}))", self.context(*last, "now=", "config=config"));
        }
        Ok(text)
    }

    pub(super) fn node(&self) -> Result<String, String> {
        let (provider, class, steps) = (self.provider, self.class()?, self.steps()?);
        let mut text = format!("import {{ facts, {provider} }} from 'rulebound';\n\n");
        let _ = writeln!(text, "let row = {provider}.{class}.start({});", javascript(&key(&self.vector["key"])));
        if let Some(config) = self.vector.get("config") {
            text += &NODE.fold(&format!("const config = {};\n", javascript(config)));
        }
        for (before, step) in in_order(&steps) {
            text += &step.new_day(before).map(|day| format!("// {day}\n")).unwrap_or_default();
            let context = format!("{{ {} }}", self.context(step, "now: ", "config"));
            let call = match step.does {
                Does::Handle(command) => format!("row.handle({}, {BETWEEN}{context})", self.node_command(command)),
                Does::Lease(effect) => format!("row.lease({}, {context})", quoted(effect)),
                Does::Observe(fact) => format!("row.observe({}, {BETWEEN}{context})", node_fact(&with_text(fact))),
            };
            text += &NODE.fold(&match step.is_rejected() {
                true => format!("console.log({call}.violations);\n"),
                false => format!("row = {call}.next;\n"),
            });
        }
        if let Some(last) = steps.last() {
            let _ = writeln!(text, "console.log(row.status({{ {} }}));", self.context(*last, "now: ", "config"));
        }
        Ok(text)
    }

    /// The time of a step, and the config if there is one.
    fn context(&self, step: Step<'_>, now: &str, config: &str) -> String {
        let config = if self.vector.get("config").is_some() { format!(", {config}") } else { String::new() };
        format!("{now}{}{config}", step.now)
    }

    fn python_command(&self, command: &Value) -> String {
        let name = command["type"].as_str().unwrap_or_default();
        format!("{}.{name}({})", self.provider, keywords(&without(command, &["type"])))
    }

    fn node_command(&self, command: &Value) -> String {
        let name = command["type"].as_str().unwrap_or_default();
        let fields = without(command, &["type"]);
        let is_bare = fields.as_object().is_none_or(serde_json::Map::is_empty);
        let fields = if is_bare { String::new() } else { javascript(&fields) };
        format!("{}.{}({fields})", self.provider, camel(name))
    }
}

fn python_fact(fact: &Value) -> String {
    match (fact["type"].as_str(), &fact["effect"]) {
        (Some("reply"), effect) => {
            format!("facts.reply({}, {})", python(effect), keywords(&without(fact, &["type", "effect", "headers"])))
        }
        _ => python(fact),
    }
}

fn node_fact(fact: &Value) -> String {
    match fact["type"].as_str() {
        Some("reply") => {
            let fields = javascript(&without(fact, &["type", "headers", "effect"]));
            format!("facts.reply({}, {BETWEEN}{fields})", javascript(&fact["effect"]))
        }
        _ => javascript(fact),
    }
}

/// An object without some of its members.
fn without(value: &Value, names: &[&str]) -> Value {
    let mut value = value.clone();
    value.as_object_mut().into_iter().for_each(|it| it.retain(|name, _| !names.contains(&name.as_str())));
    value
}

/// The members of an object as keyword arguments of Python.
fn keywords(fields: &Value) -> String {
    joined(members(fields).into_iter().map(|(field, value)| format!("{field}={}", python(value))))
}

/// Values with commas, after each of which the line can be broken.
fn joined(values: impl Iterator<Item = String>) -> String {
    values.collect::<Vec<_>>().join(&format!(", {BETWEEN}"))
}

/// A value as Python writes it.
fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Array(entries) => format!("[{}]", joined(entries.iter().map(python))),
        Value::Object(_) => {
            let member = |(name, value): (&String, &Value)| format!("{}: {}", quoted(name), python(value));
            format!("{{{}}}", joined(members(value).into_iter().map(member)))
        }
        Value::String(text) => quoted(text),
        Value::Number(_) => value.to_string(),
    }
}

/// A value as JavaScript writes it.
fn javascript(value: &Value) -> String {
    match value {
        Value::Array(entries) => format!("[{}]", joined(entries.iter().map(javascript))),
        Value::Object(fields) if fields.is_empty() => "{}".into(),
        Value::Object(_) => {
            let name = |name: &str| match is_identifier(name) {
                true => name.to_owned(),
                false => quoted(name),
            };
            let member = |(key, value): (&String, &Value)| format!("{}: {}", name(key), javascript(value));
            format!("{{ {} }}", joined(members(value).into_iter().map(member)))
        }
        Value::String(text) => quoted(text),
        _ => value.to_string(),
    }
}

fn is_identifier(name: &str) -> bool {
    let begins_well = name.bytes().next().is_some_and(|it| !it.is_ascii_digit());
    begins_well && name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_')
}

/// A string between single quotation marks, which need no escape around JSON. A long one can be broken after a comma.
fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n");
    let is_long = text.len() > 60;
    format!("'{}'", if is_long { text.replace(',', &format!(",{WITHIN}")) } else { text })
}
