//! The bodies of requests: the fields of a command, and the fields that `extra` adds.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Serialize, Serializer};

use super::exact::exact;
use super::extra::Extra;
use super::raw::RawJson;
use crate::json::{decode, encode};

/// The body of a request: its members, sorted by their names.
#[derive(Debug)]
pub(crate) struct Body(Vec<(String, RawJson)>);

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl Body {
    /// The body without a field that only the library reads.
    pub(crate) fn without(mut self, field: &str) -> Self {
        self.0.retain(|(name, _)| name != field);
        self
    }

    /// The body in an object with one member.
    pub(crate) const fn within(self, name: &str) -> Within<'_> {
        Within(name, self)
    }
}

/// A body in an object with one member, as some providers want it.
#[derive(Debug)]
pub(crate) struct Within<'a>(&'a str, Body);

impl Serialize for Within<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(self.0, &self.1)])
    }
}

/// The body of a request: the command's fields except `intent` and `extra`, the fields of `extra`, and the idempotency key.
///
/// A member that two of these set is in the body twice; see [`clash`].
pub(crate) fn body(command: &impl Serialize, extra: &Extra, idempotency_key: Option<&str>) -> Body {
    sorted(&encode(command), extra, idempotency_key)
}

/// The part that is compiled once, and not for each command.
fn sorted(command: &str, extra: &Extra, idempotency_key: Option<&str>) -> Body {
    let fields = decode::<Extra>(command).unwrap_or_default();
    let own = fields.fields().filter(|(name, _)| !matches!(name.as_str(), "intent" | "extra"));
    let mut members: Vec<_> = own.chain(extra.fields()).map(|(name, it)| (name.clone(), it.clone())).collect();
    members.extend(idempotency_key.map(|key| ("idempotency_key".into(), RawJson::of(key))));
    members.sort_unstable_by(|(one, _), (two, _)| one.cmp(two));
    Body(members)
}

/// The pointer to a member that a body has twice, at any level.
pub(crate) fn clash(body: &str) -> Option<String> {
    exact(body).err().map(|error| error.pointer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Command {
        intent: &'static str,
        price: i64,
        name: Option<&'static str>,
        extra: Extra,
    }

    fn written(extra: &str) -> String {
        let extra: Extra = serde_json::from_str(extra).unwrap();
        encode(&body(&Command { intent: "a", price: 1, name: None, extra: extra.clone() }, &extra, Some("k")))
    }

    #[test]
    fn a_body_has_the_fields_of_the_command_and_of_extra_with_the_same_digits() {
        let body = written(r#"{"weight": 1.10, "a": {"c": 1e2, "b": []}}"#);
        assert_eq!(body, r#"{"a":{"b":[],"c":1e2},"idempotency_key":"k","name":null,"price":1,"weight":1.10}"#);
        assert_eq!(clash(&body), None);
    }

    #[test]
    fn a_member_that_is_set_twice_is_found_at_every_level() {
        assert_eq!(clash(&written(r#"{"price": 2}"#)).as_deref(), Some("/price"));
        assert_eq!(clash(&written(r#"{"idempotency_key": 2}"#)).as_deref(), Some("/idempotency_key"));
        assert_eq!(clash(r#"{"a": [{"b": {"c": 1, "c": 1}}]}"#).as_deref(), Some("/a/0/b/c"));
    }
}
