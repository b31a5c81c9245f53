//! The data: what the documents say of each operation, of the replies to it, and of the places that only its success
//! reaches. None of it is derived from the code.

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
    /// The row's key, in the vectors' form, where it is not any key.
    #[serde(default)]
    pub(crate) key: Value,
    #[serde(default)]
    pub(crate) settings: Value,
    /// Bodies and commands by name: `"@name"` stands for one, `{"@": name, "/pointer": value}` for one with changes.
    #[serde(default)]
    named: BTreeMap<String, Value>,
    /// Preludes by name, each after another.
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

/// What the documents say of an operation.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operation {
    pub(crate) name: String,
    pub(crate) class: Class,
    /// Why something of it is judged less strictly than the rest, by the documents.
    #[serde(default, rename = "why")]
    _why: Vec<String>,
    /// A body is a success where it has any of these shapes; no shape, and no document shows one.
    #[serde(default)]
    pub(crate) done: Vec<Shape>,
    /// Whether any other object may be a success too, since no document shows the whole of one.
    #[serde(default)]
    pub(crate) accepted: bool,
    /// Whether 204 without a body is the success.
    #[serde(default)]
    pub(crate) empty: bool,
    #[serde(default = "ok")]
    pub(crate) status: u16,
    pub(crate) success: Value,
    /// The objects inside the success beside whose members an `error` may stand as well.
    #[serde(default)]
    pub(crate) inside: Vec<String>,
    /// What the documents, or the tolerance of form, count as a success too.
    #[serde(default)]
    pub(crate) also: Vec<Value>,
    /// Other bodies, judged by the shapes alone.
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
    /// The shapes of such a reply, where its status alone does not tell.
    #[serde(default)]
    pub(crate) denies: Vec<Shape>,
    /// A status that means the goal is reached where it answers a later sending.
    #[serde(default)]
    pub(crate) reached: Option<u16>,
    /// Shapes whose outcome these data leave open.
    #[serde(default)]
    pub(crate) open: Vec<Shape>,
    /// Shapes of an answer that is no good one, but may end the request: a person decides, or money is still under way.
    #[serde(default)]
    pub(crate) held: Vec<Shape>,
    /// Shapes of an answer that leaves what was asked for under way.
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
    /// Which successes reach it; all of them where none is named.
    #[serde(default)]
    pub(crate) when: Vec<Shape>,
    /// Whether a success need not reach it at once.
    #[serde(default)]
    pub(crate) optional: bool,
    /// Whether a refusal leads back to it.
    #[serde(default)]
    pub(crate) refused: bool,
    /// Only from these pending states; all of them where none is named.
    #[serde(default)]
    pub(crate) from: Vec<String>,
}

/// What a reply of some way and shape has to lead to.
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
    /// No good answer, which may end the request even so.
    Held,
    /// Everything that proves nothing.
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
    /// Whether it tells how the object stands that the request is about, and does not name the request.
    #[serde(default)]
    pub(crate) of_object: bool,
    #[serde(default = "verified")]
    pub(crate) origin: String,
    /// Only from these pending states; all of them where none is named.
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
    /// The same wish once more, which may obtain no new key; the last command unless told.
    #[serde(default)]
    pub(crate) again: Option<Value>,
}

/// A text, or several.
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

    /// The operation's own name, without what it is asked for.
    pub(crate) fn own_name(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }
}

impl Flow {
    /// The provider's name.
    pub(crate) fn provider(&self) -> &str {
        self.flow.split('.').next().unwrap_or_default()
    }

    /// Every operation, with what its names stand for.
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

    /// A value with every name in it replaced by what it stands for.
    fn resolve(&self, value: &Value) -> Result<Value, String> {
        match value {
            Value::String(text) => match text.strip_prefix('@') {
                Some(name) => self.resolve(self.find(name)?),
                None => Ok(value.clone()),
            },
            Value::Array(list) => list.iter().map(|it| self.resolve(it)).collect::<Result<_, _>>().map(Value::Array),
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
            put(&mut value, pointer, change).ok_or_else(|| format!("{}: {base} has no place {pointer}", self.flow))?;
        }
        Ok(value)
    }

    fn find(&self, name: &str) -> Result<&Value, String> {
        self.named.get(name).ok_or_else(|| format!("{}: nothing is named {name}", self.flow))
    }
}

/// Puts a value at a pointer, whose parent is there.
pub(crate) fn put(value: &mut Value, pointer: &str, change: Value) -> Option<()> {
    let (parent, name) = pointer.rsplit_once('/')?;
    match value.pointer_mut(parent)? {
        Value::Object(members) => drop(members.insert(name.to_owned(), change)),
        Value::Array(list) => *list.get_mut(name.parse::<usize>().ok()?)? = change,
        _ => return None,
    }
    Some(())
}

/// Takes the value at a pointer away.
pub(crate) fn cut(value: &mut Value, pointer: &str) -> Option<Value> {
    let (parent, name) = pointer.rsplit_once('/')?;
    match value.pointer_mut(parent)? {
        Value::Object(members) => members.remove(name),
        Value::Array(list) => name.parse::<usize>().ok().filter(|at| *at < list.len()).map(|at| list.remove(at)),
        _ => None,
    }
}

/// Every flow's data; of one flow alone where the variable `RULEBOUND_FLOW` names it.
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
