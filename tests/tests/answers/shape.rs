//! Shapes of bodies: the required members, their kinds, and their values.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::samples::{cut, put};

/// Members by JSON Pointer, each of which must be of its kind.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Shape(pub(crate) BTreeMap<String, Kind>);

/// The kind of a member.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A string that is not empty, or a whole number.
    Id,
    /// A UUID, in any case.
    Uuid,
    /// A string that is not empty.
    Text,
    /// An instant: a string that is not empty, or a number.
    Time,
    /// The value of an enum, known or not: a string that is not empty, or a number.
    Word,
    /// A string of exactly 32 characters.
    Text32,
    /// `true` or `false`.
    Bool,
    /// An array.
    Array,
    /// An array, or null.
    ArrayOrNull,
    /// An object.
    Object,
    /// An id, or null.
    IdOrNull,
    /// Anything, but not missing.
    Present,
    /// Neither missing, null, empty nor `None`.
    Action,
    /// Null, empty or `None`, but not missing.
    NoAction,
    /// Null, empty, `None` or missing.
    Nothing,
    /// Missing.
    Absent,
    /// This value: the requested one, or the only good one.
    Is(Value),
    /// This value, null or missing.
    Agrees(Value),
    /// One of these strings, in any case.
    OneOf(Vec<String>),
    /// An id that is none of these, in any case.
    NoneOf(Vec<String>),
}

impl Shape {
    pub(crate) fn holds(&self, body: &Value) -> bool {
        self.0.iter().all(|(pointer, kind)| kind.holds(body.pointer(pointer)))
    }
}

/// Whether a body has any of these shapes.
pub(crate) fn any(shapes: &[Shape], body: &Value) -> bool {
    shapes.iter().any(|shape| shape.holds(body))
}

/// Whether a value is null, empty, or `None` in any case.
fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.is_empty() || text.eq_ignore_ascii_case("none"))
}

fn is_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

fn is_id(value: &Value) -> bool {
    is_text(value) || value.is_u64() || value.is_i64()
}

fn is_uuid(value: &Value) -> bool {
    let digits = |part: &str, length| part.len() == length && part.bytes().all(|it| it.is_ascii_hexdigit());
    let parts: Vec<_> = value.as_str().unwrap_or_default().split('-').collect();
    parts.len() == 5 && parts.iter().zip([8, 4, 4, 4, 12]).all(|(part, length)| digits(part, length))
}

/// Whether two values are equal in all but their form: numbers in strings, and case.
fn same(wanted: &Value, got: &Value) -> bool {
    match (wanted, got) {
        (Value::String(a), Value::String(b)) => a.eq_ignore_ascii_case(b),
        (Value::Number(a), Value::String(b)) | (Value::String(b), Value::Number(a)) => a.to_string() == *b,
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        _ => wanted == got,
    }
}

impl Kind {
    fn holds(&self, value: Option<&Value>) -> bool {
        let Some(value) = value else { return matches!(self, Self::Nothing | Self::Absent | Self::Agrees(_)) };
        match self {
            Self::Id => is_id(value),
            Self::Uuid => is_uuid(value),
            Self::Text => is_text(value),
            Self::Time | Self::Word => is_text(value) || value.is_number(),
            Self::Text32 => value.as_str().is_some_and(|text| text.chars().count() == 32),
            Self::Bool => value.is_boolean(),
            Self::Array => value.is_array(),
            Self::ArrayOrNull => value.is_array() || value.is_null(),
            Self::Object => value.is_object(),
            Self::IdOrNull => value.is_null() || is_id(value),
            Self::Present => true,
            Self::Action => !is_nothing(value),
            Self::NoAction | Self::Nothing => is_nothing(value),
            Self::Absent => false,
            Self::Is(wanted) => same(wanted, value),
            Self::Agrees(wanted) => value.is_null() || same(wanted, value),
            Self::OneOf(known) => {
                value.as_str().is_some_and(|text| known.iter().any(|it| it.eq_ignore_ascii_case(text)))
            }
            Self::NoneOf(list) => {
                let is_listed = |text: &str| list.iter().any(|it| it.eq_ignore_ascii_case(text));
                Self::Id.holds(Some(value)) && !value.as_str().is_some_and(is_listed)
            }
        }
    }

    /// Values of another type or with another meaning, each with whether it may be an unknown value of an enum.
    fn wrong(&self) -> Vec<(Value, bool)> {
        let sure = |list: &[Value]| list.iter().map(|it| (it.clone(), false)).collect::<Vec<_>>();
        let common = [json!(null), json!(""), json!(true), json!([]), json!({})];
        match self {
            Self::Id | Self::Time | Self::Word => sure(&common),
            Self::Uuid => sure(&[common.as_slice(), &[json!("ps_1"), json!(7)]].concat()),
            Self::Text => sure(&[common.as_slice(), &[json!(7)]].concat()),
            Self::Text32 => sure(&[common.as_slice(), &[json!(7), json!("0a7e36eb05a94bf1a4d3daeff0f561f")]].concat()),
            Self::Bool => sure(&[json!(null), json!("yes"), json!(7), json!([]), json!({})]),
            Self::Array | Self::ArrayOrNull => sure(&[json!(""), json!(7), json!({}), json!(true)]),
            Self::Object => sure(&[json!(null), json!(""), json!(7), json!([])]),
            Self::IdOrNull => sure(&[json!(true), json!([]), json!({})]),
            Self::OneOf(_) => {
                // A number may be an unknown value of an enum, too.
                let mut all = sure(&common);
                all.extend([(json!(7), true), (json!("unheard_of"), true)]);
                all
            }
            Self::Is(wanted) => [sure(&common), sure(&[other(wanted)])].concat(),
            Self::Agrees(wanted) => sure(&[other(wanted)]),
            Self::Present | Self::Action | Self::NoAction | Self::Nothing | Self::Absent | Self::NoneOf(_) => {
                Vec::new()
            }
        }
    }

    /// Whether a body without the member no longer has the shape.
    const fn is_required(&self) -> bool {
        !matches!(self, Self::Nothing | Self::Absent | Self::Agrees(_))
    }
}

/// Another value of the same kind.
fn other(value: &Value) -> Value {
    match value {
        Value::String(text) => {
            let mut letters: Vec<char> = text.chars().collect();
            if let Some(last) = letters.last_mut() {
                *last = if *last == '7' { '8' } else { '7' };
            }
            letters.into_iter().collect::<String>().into()
        }
        Value::Number(number) => json!(number.as_i64().unwrap_or_default() + 1),
        Value::Bool(flag) => json!(!flag),
        _ => Value::Null,
    }
}

/// A success with one member changed.
#[derive(Debug)]
pub(crate) struct Mutant {
    /// The member.
    pub(crate) pointer: String,
    /// The change.
    pub(crate) label: String,
    pub(crate) body: Value,
    /// Whether the member holds a possible but unknown value of an enum.
    pub(crate) unknown: bool,
}

/// The success with each required member deleted, of another type, or with another meaning.
pub(crate) fn mutants(shape: &Shape, success: &Value) -> Vec<Mutant> {
    let mut all = Vec::new();
    for (pointer, kind) in &shape.0 {
        for (value, unknown) in kind.wrong() {
            let mut body = success.clone();
            if put(&mut body, pointer, value.clone()).is_some() {
                all.push(Mutant { pointer: pointer.clone(), label: format!("{pointer} = {value}"), body, unknown });
            }
        }
        if kind.is_required() {
            all.extend(deleted(success, pointer));
        }
        for (end, _) in pointer.match_indices('/').skip(1) {
            let parent = &pointer[..end];
            all.extend(deleted(success, parent));
            for value in [json!(null), json!("x"), json!([])] {
                let mut body = success.clone();
                if put(&mut body, parent, value.clone()).is_some() {
                    all.push(Mutant {
                        pointer: parent.to_owned(),
                        label: format!("{parent} = {value}"),
                        body,
                        unknown: false,
                    });
                }
            }
        }
    }
    all
}

fn deleted(success: &Value, pointer: &str) -> Option<Mutant> {
    let mut body = success.clone();
    cut(&mut body, pointer)?;
    Some(Mutant { pointer: pointer.to_owned(), label: format!("without {pointer}"), body, unknown: false })
}
