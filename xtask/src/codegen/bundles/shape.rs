//! Makes the definitions from the schemas of the types. Every object has one name, and is closed where the library is
//! strict. Every integer has its bounds.

use std::collections::BTreeSet;

use rulebound::ffi::schema::Types;
use serde_json::{Map, Value, json};

use super::{Definitions, reference};

/// The largest integer that every language's JSON carries: nothing of ours goes beyond.
const LARGEST: i64 = (1 << 53) - 1;

const PREFIX: &str = "#/$defs/";

/// Unions whose variants are named by their own tags alone.
const PLAIN: [&str; 2] = ["Fact", "AnyCommand"];

/// The definitions of the types, each object with a name of its own.
pub(super) fn definitions(types: &Types) -> Definitions {
    let mut all = Definitions::new();
    for (name, definition) in &types.written {
        let mut definition = tidied(definition.clone());
        without_null(&mut definition);
        all.insert(name.clone(), definition);
    }
    for (name, definition) in &types.read {
        let definition = tidied(definition.clone());
        let other = all.insert(name.clone(), definition.clone());
        assert!(other.is_none_or(|other| other == definition), "`{name}` is written as it is not read");
    }
    for name in all.keys().cloned().collect::<Vec<_>>() {
        let mut definition = all.remove(&name).unwrap_or_default();
        name_variants(&name, &mut definition, &mut all);
        all.insert(name, definition);
    }
    for name in all.keys().cloned().collect::<Vec<_>>() {
        let mut definition = all.remove(&name).unwrap_or_default();
        name_parts(&name, &mut definition, &mut all);
        all.insert(name, definition);
    }
    all
}

/// Adds a definition; one of the same name must be the same.
pub(super) fn add(name: String, definition: Value, all: &mut Definitions) -> Value {
    let there = all.insert(name.clone(), definition.clone());
    assert!(there.is_none_or(|there| there == definition), "two definitions are called `{name}`");
    reference(&name)
}

/// Gives a definition another name, in every reference to it too.
pub(super) fn rename(from: &str, to: &str, all: &mut Definitions) {
    fn refer(schema: &mut Value, from: &str, to: &str) {
        match schema {
            Value::String(text) if text == from => to.clone_into(text),
            Value::Object(members) => members.values_mut().for_each(|it| refer(it, from, to)),
            Value::Array(entries) => entries.iter_mut().for_each(|it| refer(it, from, to)),
            _ => {}
        }
    }
    let definition = all.remove(from).unwrap_or_else(|| panic!("nothing is called `{from}`"));
    let other = all.insert(to.into(), definition);
    assert!(other.is_none(), "two definitions are called `{to}`");
    let (from, to) = (format!("{PREFIX}{from}"), format!("{PREFIX}{to}"));
    all.values_mut().for_each(|it| refer(it, &from, &to));
}

/// The schema of one of several strings.
pub(super) fn closed<'a>(doc: &str, texts: impl IntoIterator<Item = &'a str>) -> Value {
    json!({"description": doc, "type": "string", "enum": texts.into_iter().collect::<Vec<_>>()})
}

/// Lists the codes of the rules where the types only say that there is one.
pub(super) fn fill_codes<'a>(all: &mut Definitions, codes: impl Iterator<Item = &'a str>) {
    all.insert("RuleCode".into(), closed("The code of a rule.", codes));
    if let Some(overrides) = all.get_mut("Config").and_then(|it| it.pointer_mut("/properties/overrides")) {
        overrides["propertyNames"] = reference("RuleCode");
    }
}

/// Gives every definition its title, and drops those that nothing needs any more.
pub(super) fn finish(mut all: Definitions) -> Definitions {
    all.retain(|name, _| !["Answer", "CallOk", "View", "Step", "Lease", "Action"].contains(&name.as_str()));
    for (name, definition) in &mut all {
        refer(definition);
        definition["title"] = name.as_str().into();
    }
    all
}

/// Moves a reference into an `allOf`. Generators of types would make another type of a reference with a description.
fn refer(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(refer);
            if members.len() > 1 && members.get("$ref").is_some_and(Value::is_string) {
                let to = members.remove("$ref");
                members.insert("allOf".into(), json!([{"$ref": to}]));
            }
        }
        Value::Array(entries) => entries.iter_mut().for_each(refer),
        _ => {}
    }
}

/// The definitions that some need, and all that those need.
pub(super) fn reachable<'a>(roots: impl Iterator<Item = &'a str>, all: &Definitions) -> Map<String, Value> {
    let mut found = BTreeSet::new();
    let mut next: Vec<String> = roots.map(str::to_owned).collect();
    while let Some(name) = next.pop() {
        let definition = all.get(&name).unwrap_or_else(|| panic!("nothing is called `{name}`"));
        if found.insert(name) {
            visit(definition, &mut |it| {
                next.extend(it["$ref"].as_str().and_then(|to| to.strip_prefix(PREFIX)).map(str::to_owned));
            });
        }
    }
    found.into_iter().map(|name| (name.clone(), all[&name].clone())).collect()
}

/// `payment_token` as `PaymentToken`.
pub(in crate::codegen) fn pascal(name: &str) -> String {
    let words = name.split(|it: char| !it.is_ascii_alphanumeric());
    words.flat_map(|word| word.chars().take(1).map(|it| it.to_ascii_uppercase()).chain(word.chars().skip(1))).collect()
}

/// The entries of a list, if there is one.
fn entries<'a>(schema: &'a mut Value, list: &str) -> impl Iterator<Item = &'a mut Value> {
    schema.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten()
}

/// The members of an object, if there is one.
fn members<'a>(schema: &'a mut Value, object: &str) -> impl Iterator<Item = (&'a String, &'a mut Value)> {
    schema.get_mut(object).and_then(Value::as_object_mut).into_iter().flatten()
}

fn visit(value: &Value, see: &mut impl FnMut(&Value)) {
    see(value);
    match value {
        Value::Object(members) => members.values().for_each(|it| visit(it, see)),
        Value::Array(entries) => entries.iter().for_each(|it| visit(it, see)),
        _ => {}
    }
}

/// A schema in the shape that all of them have.
fn tidied(mut schema: Value) -> Value {
    if let Value::Object(members) = &mut schema {
        for (name, member) in members.iter_mut() {
            *member = match (name.as_str(), member.take()) {
                ("properties", Value::Object(all)) => all.into_iter().map(|(name, it)| (name, tidied(it))).collect(),
                ("oneOf" | "anyOf" | "prefixItems", Value::Array(all)) => all.into_iter().map(tidied).collect(),
                ("items" | "additionalProperties", it) => tidied(it),
                (_, it) => it,
            };
        }
        bound(members);
        members.retain(|name, it| name != "default" || !(it.is_null() || it.is_object() || it.is_array()));
        if members.contains_key("properties") && !members.contains_key("oneOf") {
            members.entry("additionalProperties").or_insert(false.into());
        }
    }
    listed(distributed(schema))
}

/// Says the bounds of an integer in the place of its format.
fn bound(schema: &mut Map<String, Value>) {
    let format = schema.remove("format");
    let (least, largest): (i64, i64) = match format.as_ref().and_then(Value::as_str) {
        Some("uint8") => (0, u8::MAX.into()),
        Some("uint16") => (0, u16::MAX.into()),
        Some("uint32") => (0, u32::MAX.into()),
        Some("uint64") => (0, LARGEST),
        Some("int64") => (-LARGEST, LARGEST),
        _ => return,
    };
    if schema.contains_key("const") {
        schema.remove("minimum");
        return;
    }
    schema.entry("minimum").or_insert(least.into());
    schema.entry("maximum").or_insert(largest.into());
}

/// A union with fields of its own, as a union whose variants have them.
fn distributed(schema: Value) -> Value {
    let (Some(variants), Some(shared)) = (schema["oneOf"].as_array(), schema["properties"].as_object()) else {
        return schema;
    };
    let join = |variant: &Value| {
        let mut variant = variant.clone();
        let required = schema["required"].as_array().into_iter().flatten().cloned();
        if let Some(own) = variant.get_mut("required").and_then(Value::as_array_mut) {
            own.extend(required);
        }
        if let Some(own) = variant.get_mut("properties").and_then(Value::as_object_mut) {
            own.extend(shared.clone());
        }
        variant
    };
    json!({"description": schema["description"], "oneOf": variants.iter().map(join).collect::<Vec<_>>()})
}

/// A choice of constants as an `enum`, with the meaning of each in the description.
fn listed(schema: Value) -> Value {
    let Some(variants) = schema["oneOf"].as_array() else { return schema };
    if !variants.iter().all(|it| it["const"].is_string()) {
        return schema;
    }
    let texts: Vec<_> =
        variants.iter().flat_map(|it| [&it["const"], &it["x-also"]]).filter(|it| it.is_string()).collect();
    let mut doc = schema["description"].as_str().unwrap_or_default().to_owned();
    for variant in variants {
        if let (Some(text), Some(what)) = (variant["const"].as_str(), variant["description"].as_str()) {
            let gap = if doc.is_empty() { "" } else { "\n" };
            doc.push_str(&format!("{gap}- `{text}`: {what}"));
        }
    }
    let mut list = json!({"type": "string", "enum": texts});
    if !doc.is_empty() {
        list["description"] = doc.into();
    }
    list
}

/// Removes `null` from every property that is absent instead.
fn without_null(schema: &mut Value) {
    let required = schema["required"].clone();
    let is_required = |name: &str| required.as_array().into_iter().flatten().any(|it| it == name);
    for variant in entries(schema, "oneOf") {
        without_null(variant);
    }
    for (name, property) in members(schema, "properties") {
        if is_required(name) {
            continue;
        }
        if property["type"].as_array().is_some_and(|types| types.iter().any(|it| it == "null")) {
            property["type"] = property["type"][0].take();
        }
        let only = property["anyOf"].as_array().filter(|all| all.len() == 2 && all[1]["type"] == "null");
        if let Some(only) = only.and_then(|all| all[0]["$ref"].as_str()).map(str::to_owned) {
            let members = property.as_object_mut().into_iter();
            members.for_each(|it| drop(it.remove("anyOf")));
            property["$ref"] = only.into();
        }
    }
}

/// Names every object among the variants of a union.
fn name_variants(union: &str, schema: &mut Value, all: &mut Definitions) {
    let key = if schema["oneOf"].is_array() { "oneOf" } else { "anyOf" };
    let prefix = match union.strip_suffix("Command") {
        _ if PLAIN.contains(&union) => "",
        // Named when it is known which flows share a command.
        Some(_) => return,
        None if ["CallRequest", "Answer"].contains(&union) => "Call",
        None => union,
    };
    for variant in entries(schema, key).filter(|it| it["properties"].is_object()) {
        let name = format!("{prefix}{}", pascal(&tag(variant)));
        document(variant);
        *variant = add(name, variant.take(), all);
    }
}

/// Gives the only field of a variant the description of the variant.
fn document(variant: &mut Value) {
    let doc = variant["description"].clone();
    let mut fields: Vec<_> = members(variant, "properties").map(|(_, field)| field).collect();
    if let [Value::Object(field)] = fields.as_mut_slice() {
        field.entry("description").or_insert(doc);
    }
}

/// The name of a variant: its title, its `type`, or its only field.
pub(super) fn tag(variant: &Value) -> String {
    let only = || variant["properties"].as_object().and_then(|all| all.keys().next());
    let tag = variant["title"].as_str().or_else(|| variant["properties"]["type"]["const"].as_str());
    tag.or_else(|| only().map(String::as_str)).unwrap_or_default().to_owned()
}

/// Names every object inside a definition.
fn name_parts(name: &str, schema: &mut Value, all: &mut Definitions) {
    for variant in entries(schema, "oneOf") {
        name_parts(name, variant, all);
    }
    for (field, property) in members(schema, "properties") {
        let inner = if property["items"].is_object() { &mut property["items"] } else { property };
        if inner["properties"].is_object() {
            let named = if name.ends_with(&pascal(field)) {
                format!("{name}Fields")
            } else {
                format!("{name}{}", pascal(field))
            };
            name_parts(&named, inner, all);
            let doc = inner["description"].clone();
            *inner = add(named, inner.take(), all);
            inner["description"] = doc;
        }
    }
}
