//! The data: what the documents say about each operation, the replies to it, and the places that only its success
//! reaches. None of them is derived from the code.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::shape::Shape;

/// The classes of operations.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Class {
    SameKey,
    Reconcile,
    Goal,
    Harmless,
    Lookup,
}

/// One flow's file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Flow {
    pub(crate) flow: String,
    /// The row's key in the form of the vectors, or null if any key will do.
    #[serde(default)]
    pub(crate) key: Value,
    #[serde(default)]
    pub(crate) settings: Value,
    /// Bodies and commands by name: `"@name"` refers to one, `{"@": name, "/pointer": value}` to one with changes.
    #[serde(default)]
    named: BTreeMap<String, Value>,
    /// Preludes by name. One can come after another.
    #[serde(default)]
    preludes: BTreeMap<String, Prelude>,
    operations: Vec<Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Prelude {
    #[serde(default)]
    after: Option<String>,
    steps: Vec<Value>,
}

/// What the documents say about an operation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) class: Class,
    /// Why some of its replies are checked less strictly.
    #[serde(default, rename = "why")]
    _why: Vec<String>,
    /// The shapes of a success. Empty if no document shows one.
    #[serde(default)]
    pub(crate) done: Vec<Shape>,
    /// Whether any other object may be a success, too, since no document shows all of one.
    #[serde(default)]
    pub(crate) accepted: bool,
    /// Whether 204 without a body is the success.
    #[serde(default)]
    pub(crate) empty: bool,
    #[serde(default = "ok")]
    pub(crate) status: u16,
    pub(crate) success: Value,
    /// The objects inside the success that can have an `error`, too.
    #[serde(default)]
    pub(crate) inside: Vec<String>,
    /// Other bodies that are a success by the documents, or by our tolerance of form.
    #[serde(default)]
    pub(crate) also: Vec<Value>,
    /// Other bodies, classified by the shapes alone.
    #[serde(default)]
    pub(crate) more: Vec<Value>,
    #[serde(default)]
    pub(crate) refusals: Vec<Refusal>,
    /// The statuses among 403, 409 and 425 that are documented as refusals.
    #[serde(default)]
    pub(crate) refused: Vec<u16>,
    /// Error codes that are documented as "retry", or that leave the outcome open.
    #[serde(default)]
    pub(crate) again: Vec<String>,
    /// Statuses of a lookup that say that the object is not there.
    #[serde(default)]
    pub(crate) not_found: Vec<u16>,
    /// The shapes of such a reply, if its status alone does not show it.
    #[serde(default)]
    pub(crate) denies: Vec<Shape>,
    /// A status that, in reply to a later sending, means that the goal is reached.
    #[serde(default)]
    pub(crate) reached: Option<u16>,
    /// Shapes of replies whose meaning the data leave open.
    #[serde(default)]
    pub(crate) open: Vec<Shape>,
    /// Shapes of replies that are no success and may end the request: a person decides, or money is still under way.
    #[serde(default)]
    pub(crate) held: Vec<Shape>,
    /// Shapes of replies that leave the operation under way.
    #[serde(default)]
    pub(crate) under_way: Vec<Shape>,
    #[serde(default)]
    pub(crate) goods: Vec<Good>,
    #[serde(default)]
    pub(crate) musts: Vec<Must>,
    #[serde(default)]
    pub(crate) naming: Option<Naming>,
    pub(crate) pending: Vec<Pending>,
}

const fn ok() -> u16 {
    200
}

/// A documented refusal.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// A place that only a success of some shape reaches.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Good {
    pub(crate) place: Value,
    /// The shapes of the successes that reach it. Empty if all do.
    #[serde(default)]
    pub(crate) when: Vec<Shape>,
    /// Whether a success need not reach it at once.
    #[serde(default)]
    pub(crate) optional: bool,
    /// Whether a restored row needs a lookup first, so that the reply alone does not lead there.
    #[serde(default)]
    pub(crate) not_if_restored: bool,
    /// Whether a refusal leads back to it.
    #[serde(default)]
    pub(crate) refused: bool,
    /// The pending states to which it applies. Empty if it applies to all.
    #[serde(default)]
    pub(crate) from: Vec<String>,
}

/// What a reply with some outcome and shape must lead to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Must {
    pub(crate) on: On,
    /// Only under this status.
    #[serde(default)]
    pub(crate) status: Option<u16>,
    #[serde(default)]
    pub(crate) when: Vec<Shape>,
    pub(crate) place: Value,
    #[serde(default)]
    pub(crate) from: Vec<String>,
    /// Whether a restored row looks for an earlier request first, so that the reply alone does not lead there.
    #[serde(default)]
    pub(crate) searched_if_restored: bool,
}

/// The replies that a `Must` is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum On {
    Done,
    Accepted,
    NotFound,
    /// A documented refusal.
    Refused,
    /// Any status from 400 to 499.
    Rejected,
    /// No success, but a reply that may end the request.
    Held,
    /// Every reply that proves nothing.
    Unknown,
}

/// A webhook that names the request, and where it leads.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Naming {
    pub(crate) body: Value,
    pub(crate) place: Value,
    /// Whether it names the request before any reply, too.
    #[serde(default)]
    pub(crate) before: bool,
    /// Whether it carries our key, or is about a known object, so that it counts whatever the reply was.
    #[serde(default)]
    pub(crate) by_key: bool,
    /// Whether a worker that has leased the lookup still finishes it, because its reply may show more.
    #[serde(default)]
    pub(crate) lets_finish: bool,
    /// Whether it shows the object of the request, and does not name the request.
    #[serde(default)]
    pub(crate) of_object: bool,
    /// Whether a restored row needs more than the webhook to get there.
    #[serde(default)]
    pub(crate) not_if_restored: bool,
    #[serde(default = "verified")]
    pub(crate) origin: String,
    /// The pending states to which it applies. Empty if it applies to all.
    #[serde(default)]
    pub(crate) from: Vec<String>,
}

fn verified() -> String {
    "verified".into()
}

/// A state from which the operation is pending.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pending {
    pub(crate) name: String,
    /// The prelude that it comes after.
    #[serde(default)]
    pub(crate) after: Option<String>,
    #[serde(default)]
    pub(crate) steps: Vec<Value>,
    /// The effect's id, of which a final `*` matches any end; or several such ids.
    pub(crate) effect: OneOrMore,
    /// The same command again, which must not make a new key. By default the last command.
    #[serde(default)]
    pub(crate) again: Option<Value>,
}

/// A string, or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    pub(crate) fn all(&self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one.clone()],
            Self::More(more) => more.clone(),
        }
    }
}

impl Operation {
    pub(crate) fn read(value: &Value) -> Self {
        Self::deserialize(value).unwrap_or_else(|error| panic!("{}: {error}", value["name"]))
    }

    /// The operation's own name, without its purpose.
    pub(crate) fn own_name(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }
}

impl Flow {
    /// The provider's name.
    pub(crate) fn provider(&self) -> &str {
        self.flow.split('.').next().unwrap_or_default()
    }

    /// Every operation, with its names resolved.
    pub(crate) fn operations(&self) -> Vec<Value> {
        let resolved = |it: &Value| self.resolve(it).unwrap_or_else(|error| panic!("{error}"));
        self.operations.iter().map(resolved).collect()
    }

    /// The steps that lead to a pending state.
    pub(crate) fn steps(&self, pending: &Pending) -> Result<Vec<Value>, String> {
        let mut steps = Vec::new();
        self.unfold(pending.after.as_deref(), &mut steps)?;
        steps.extend(pending.steps.iter().cloned());
        steps.iter().map(|step| self.resolve(step)).collect()
    }

    fn unfold(&self, name: Option<&str>, steps: &mut Vec<Value>) -> Result<(), String> {
        let Some(name) = name else { return Ok(()) };
        let prelude = self.preludes.get(name).ok_or_else(|| format!("{}: no prelude {name}", self.flow))?;
        self.unfold(prelude.after.as_deref(), steps)?;
        steps.extend(prelude.steps.iter().cloned());
        Ok(())
    }

    /// A value with every name in it resolved.
    fn resolve(&self, value: &Value) -> Result<Value, String> {
        match value {
            Value::String(text) => match text.strip_prefix('@') {
                Some(name) => self.resolve(self.find(name)?),
                None => Ok(value.clone()),
            },
            Value::Array(entries) => {
                entries.iter().map(|it| self.resolve(it)).collect::<Result<_, _>>().map(Value::Array)
            }
            Value::Object(members) => self.resolve_members(members),
            _ => Ok(value.clone()),
        }
    }

    fn resolve_members(&self, members: &Map<String, Value>) -> Result<Value, String> {
        let Some(base) = members.get("@").and_then(Value::as_str) else {
            let members = members.iter().map(|(name, it)| Ok((name.clone(), self.resolve(it)?)));
            return members.collect::<Result<_, String>>().map(Value::Object);
        };
        let mut value = self.resolve(self.find(base)?)?;
        for (pointer, change) in members.iter().filter(|(name, _)| *name != "@") {
            let change = self.resolve(change)?;
            put(&mut value, pointer, change).ok_or_else(|| format!("{}: {base} has no member {pointer}", self.flow))?;
        }
        Ok(value)
    }

    fn find(&self, name: &str) -> Result<&Value, String> {
        self.named.get(name).ok_or_else(|| format!("{}: there is no {name}", self.flow))
    }
}

/// Puts a value at a pointer, if its parent exists.
pub(crate) fn put(value: &mut Value, pointer: &str, change: Value) -> Option<()> {
    let (parent, name) = pointer.rsplit_once('/')?;
    match value.pointer_mut(parent)? {
        Value::Object(members) => drop(members.insert(name.to_owned(), change)),
        Value::Array(entries) => *entries.get_mut(name.parse::<usize>().ok()?)? = change,
        _ => return None,
    }
    Some(())
}

/// Removes the value at a pointer.
pub(crate) fn cut(value: &mut Value, pointer: &str) -> Option<Value> {
    let (parent, name) = pointer.rsplit_once('/')?;
    match value.pointer_mut(parent)? {
        Value::Object(members) => members.remove(name),
        Value::Array(entries) => {
            name.parse::<usize>().ok().filter(|index| *index < entries.len()).map(|index| entries.remove(index))
        }
        _ => None,
    }
}

/// The data of every flow, or of the one that the variable `RULEBOUND_FLOW` names.
pub(crate) fn flows() -> Vec<Flow> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let only = std::env::var("RULEBOUND_FLOW").ok();
    let read = |file: &std::path::PathBuf| {
        let text = fs::read_to_string(file).unwrap();
        serde_json::from_str::<Flow>(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    };
    let is_data = |file: &&std::path::PathBuf| file.extension().is_some_and(|it| it == "json");
    let all = files.iter().filter(is_data).map(read);
    all.filter(|flow| only.as_ref().is_none_or(|only| flow.flow == *only)).collect()
}
