//! One whole life of a provider's flow on the wire, and the same life in Python and in Node. It is the first vector of
//! `life.json`, run.

use std::fmt::Write;

use rulebound_tests::root;
use rulebound_tests::vectors::{ask, key, read_text, with_context, with_text};
use serde_json::{Value, json};

use super::super::classes::classes;

/// The first moment of a life, so that the transcript shows the time that has passed.
struct Life<'a> {
    provider: &'a str,
    vector: Value,
}

/// The section of a provider's page; empty without a `life.json`.
pub(super) fn text(provider: &str) -> Result<String, String> {
    let path = root().join("tests/vectors").join(provider).join("life.json");
    let Ok(file) = std::fs::read_to_string(&path) else { return Ok(String::new()) };
    let vectors = read_text(&file).map_err(|error| format!("{}: {error}", path.display()))?;
    let vector = vectors.into_iter().next().ok_or_else(|| format!("{} has no vector", path.display()))?;
    let life = Life { provider, vector };
    Ok(format!(
        "\n## One life on the wire\n\n{}\n\n```text\n{}```\n\n<details><summary>The same in Python</summary>\n\n```python\n{}```\n\n\
         </details>\n\n<details><summary>The same in Node</summary>\n\n```js\n{}```\n\n</details>\n",
        "`>` is what the host says, `<` is what the library answers, and `=` is the HTTP that follows.",
        life.wire()?,
        life.python()?,
        life.node()?,
    ))
}

impl Life<'_> {
    fn steps(&self) -> &[Value] {
        self.vector["steps"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The JSON that goes to and fro, one line each.
    fn wire(&self) -> Result<String, String> {
        let mut text = String::new();
        let mut snapshot =
            ask("start", json!({"flow": self.vector["flow"], "key": key(&self.vector["key"])}))["ok"].take();
        for step in self.steps() {
            let (verb, field, value) = verb(step)?;
            let fields = with_context(&self.vector, step, json!({"snapshot": snapshot, field: given(verb, value)}));
            let answer = ask(verb, fields);
            let said = if verb == "lease" { value.as_str().unwrap_or_default().to_owned() } else { shown(value) };
            let _ = writeln!(text, "> {verb} {said}");
            text += &outcome(verb, &answer);
            if let Some(next) = answer["ok"].get("next") {
                snapshot = next.clone();
            }
        }
        Ok(text)
    }

    fn class(&self) -> Result<&'static str, String> {
        let flow = self.vector["flow"].as_str().unwrap_or_default();
        classes().into_iter().find(|it| it.flow == flow).map(|it| it.name).ok_or_else(|| format!("no class of {flow}"))
    }

    fn python(&self) -> Result<String, String> {
        let (provider, class) = (self.provider, self.class()?);
        let mut text = format!("from rulebound import Rejected, {provider}\n\n");
        let _ = writeln!(text, "row = {provider}.{class}.start({})", key(&self.vector["key"]));
        if let Some(config) = self.vector.get("config") {
            let _ = writeln!(text, "config = {}", python(config));
        }
        for step in self.steps() {
            let (verb, _, value) = verb(step)?;
            let context = self.context(step, "now=", "config=config");
            let call = match verb {
                "handle" => format!("row.handle({}, {context})", self.python_command(value)),
                "lease" => format!("row.lease({value}, {context})"),
                _ => format!("row.observe({}, {context})", python(&with_text(value))),
            };
            if is_rejected(step) {
                let _ = writeln!(text, "try:\n    {call}\nexcept Rejected as rejected:\n    print(rejected)");
            } else {
                let _ = writeln!(text, "row = {call}.next");
            }
        }
        text += "print(row.status(now=row_now))\n".replace("row_now", &self.last_time()).as_str();
        Ok(text)
    }

    fn node(&self) -> Result<String, String> {
        let (provider, class) = (self.provider, self.class()?);
        let mut text = format!("import {{ {provider} }} from 'rulebound';\n\n");
        let _ = writeln!(text, "let row = {provider}.{class}.start({});", key(&self.vector["key"]));
        if let Some(config) = self.vector.get("config") {
            let _ = writeln!(text, "const config = {};", javascript(config));
        }
        for step in self.steps() {
            let (verb, _, value) = verb(step)?;
            let context = format!("{{ {} }}", self.context(step, "now: ", "config"));
            let call = match verb {
                "handle" => format!("row.handle({}, {context})", self.node_command(value)),
                "lease" => format!("row.lease({value}, {context})"),
                _ => format!("row.observe({}, {context})", javascript(&with_text(value))),
            };
            if is_rejected(step) {
                let _ = writeln!(text, "console.log({call}.violations);");
            } else {
                let _ = writeln!(text, "row = {call}.next;");
            }
        }
        let _ = writeln!(text, "console.log(row.status({{ now: {} }}));", self.last_time());
        Ok(text)
    }

    fn last_time(&self) -> String {
        self.steps().last().map_or_else(|| "0".into(), |step| step["now"].to_string())
    }

    fn context(&self, step: &Value, now: &str, config: &str) -> String {
        let config = if self.vector.get("config").is_some() { format!(", {config}") } else { String::new() };
        format!("{now}{}{config}", step["now"])
    }

    fn python_command(&self, command: &Value) -> String {
        let name = command["type"].as_str().unwrap_or_default();
        let fields = command.as_object().into_iter().flatten().filter(|(field, _)| *field != "type");
        let fields: Vec<_> = fields.map(|(field, value)| format!("{field}={}", python(value))).collect();
        format!("{}.{name}({})", self.provider, fields.join(", "))
    }

    fn node_command(&self, command: &Value) -> String {
        let name = command["type"].as_str().unwrap_or_default();
        let mut fields = command.clone();
        fields.as_object_mut().into_iter().for_each(|it| drop(it.remove("type")));
        format!("{}.{}({})", self.provider, camel(name), javascript(&fields))
    }
}

/// The verb of a step, the name of its field, and what is given.
fn verb(step: &Value) -> Result<(&'static str, &'static str, &Value), String> {
    let verbs = [("command", "handle", "command"), ("lease", "lease", "effect"), ("fact", "observe", "fact")];
    let found = verbs.iter().find_map(|(member, verb, field)| Some((*verb, *field, step.get(member)?)));
    found.ok_or_else(|| format!("a life has only commands, leases, replies and facts, not {step}"))
}

fn given(verb: &str, value: &Value) -> Value {
    if verb == "observe" { with_text(value) } else { value.clone() }
}

fn is_rejected(step: &Value) -> bool {
    step["expect"].get("rejected").is_some()
}

/// What a host says, with the body of a fact as JSON.
fn shown(value: &Value) -> String {
    let mut value = value.clone();
    if let Some(body) = value.get("body").and_then(Value::as_str)
        && let Ok(json) = serde_json::from_str::<Value>(body)
    {
        value["body"] = json;
    }
    value.to_string()
}

/// What a call answers: the broken rules, the request, or what has changed.
fn outcome(verb: &str, answer: &Value) -> String {
    if let Some(violations) = answer["rejected"]["violations"].as_array() {
        let line = |it: &Value| {
            let (rule, message) = (it["rule"].as_str().unwrap_or_default(), it["message"].as_str().unwrap_or_default());
            format!("< rejected by {rule}: {message}\n")
        };
        return violations.iter().map(line).collect();
    }
    let ok = &answer["ok"];
    if verb == "lease" {
        let request = &ok["request"];
        let word = |name: &str| request[name].as_str().unwrap_or_default();
        return match request.is_null() {
            true => String::from("< leased\n"),
            false => format!("= {} {} {}\n", word("method"), word("url"), word("body")).replace(" \n", "\n"),
        };
    }
    if let Some(reason) = ok["ignored"]["reason"].as_str() {
        return format!("< ignored as {reason}\n");
    }
    let moves = ok["transitions"].as_array().into_iter().flatten();
    let moves: Vec<_> = moves
        .map(|it| format!("{} {}", it["facet"].as_str().unwrap_or_default(), it["after"].as_str().unwrap_or_default()))
        .collect();
    if moves.is_empty() { "< noted\n".into() } else { format!("< now {}\n", moves.join(", ")) }
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |text, word| {
        let (head, rest) = word.split_at(word.len().min(1));
        text + &head.to_uppercase() + rest
    })
}

/// A value as Python writes it.
fn python(value: &Value) -> String {
    match value {
        Value::Null => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Array(entries) => format!("[{}]", entries.iter().map(python).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let members: Vec<_> = members.iter().map(|(name, value)| format!("{name:?}: {}", python(value))).collect();
            format!("{{{}}}", members.join(", "))
        }
        Value::String(text) => quoted(text),
        Value::Number(_) => value.to_string(),
    }
}

/// A value as JavaScript writes it.
fn javascript(value: &Value) -> String {
    match value {
        Value::Array(entries) => format!("[{}]", entries.iter().map(javascript).collect::<Vec<_>>().join(", ")),
        Value::Object(members) if members.is_empty() => "{}".into(),
        Value::Object(members) => {
            let name = |name: &str| match name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_') {
                true => name.to_owned(),
                false => format!("'{name}'"),
            };
            let members: Vec<_> =
                members.iter().map(|(key, value)| format!("{}: {}", name(key), javascript(value))).collect();
            format!("{{ {} }}", members.join(", "))
        }
        Value::String(text) => quoted(text),
        _ => value.to_string(),
    }
}

/// A string between single quotation marks, which need no escape around JSON.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n"))
}
