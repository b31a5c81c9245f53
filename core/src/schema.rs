//! The parts of JSON Schemas, if the feature `schemas` is on.

/// A type that can describe itself as a JSON Schema. Without the feature `schemas`, every type can.
#[cfg(not(feature = "schemas"))]
pub trait Described {}

#[cfg(not(feature = "schemas"))]
impl<T> Described for T {}

/// A type that can describe itself as a JSON Schema.
#[cfg(feature = "schemas")]
pub trait Described: schemars::JsonSchema {}

#[cfg(feature = "schemas")]
impl<T: schemars::JsonSchema> Described for T {}

#[cfg(feature = "schemas")]
pub(crate) use parts::{Code, bounded, named, open};

#[cfg(feature = "schemas")]
mod parts {
    use alloc::borrow::Cow;
    use alloc::format;
    use alloc::string::String;
    use alloc::vec::Vec;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    /// The name of a type, with the name of its provider before it.
    pub(crate) fn named(module: &str, name: &'static str) -> Cow<'static, str> {
        let room = module.split_once("::providers::").or_else(|| module.split_once("::config::"));
        let provider = room.and_then(|(_, rest)| rest.split("::").next());
        let Some(provider) = provider else { return Cow::Borrowed(name) };
        let mut letters = provider.chars();
        let first = letters.next().map(|it| it.to_ascii_uppercase());
        Cow::Owned(first.into_iter().chain(letters).chain(name.chars()).collect())
    }

    /// The schema of a string with bounds on its length and its characters.
    pub(crate) fn bounded(doc: &str, (least, most): (usize, usize), allowed: fn(u8) -> bool) -> Schema {
        let any = class(allowed);
        let pattern = match least < 3 && allowed(b'.') {
            // Neither `.` nor `..`.
            true => {
                let other = class(|byte| byte != b'.' && allowed(byte));
                format!(r"^([{other}]|\.[{other}]|\.\.[{any}])[{any}]*$")
            }
            false => format!("^[{any}]*$"),
        };
        json_schema!({
            "description": lines(doc), "type": "string", "minLength": least, "maxLength": most, "pattern": pattern
        })
    }

    /// The allowed ASCII characters, as the contents of the brackets of a pattern.
    fn class(allowed: impl Fn(u8) -> bool) -> String {
        let mut class = String::new();
        let mut rest = 0..=127;
        while let Some(first) = rest.find(|byte| allowed(*byte)) {
            let last = rest.by_ref().take_while(|byte| allowed(*byte)).last();
            for end in core::iter::once(first).chain(last) {
                if end.abs_diff(first) > 1 {
                    class.push('-');
                }
                if matches!(end, b'-' | b']' | b'[' | b'^' | b'\\') {
                    class.push('\\');
                }
                class.push(char::from(end));
            }
        }
        class
    }

    /// The schema of an open enum: one of the known strings, or any other string.
    pub(crate) fn open(doc: &str, known: &[(&str, &str)]) -> Schema {
        let each = known.iter().map(|(text, doc)| json_schema!({"const": text, "description": lines(doc)}));
        let known: Vec<Schema> = each.collect();
        json_schema!({"description": lines(doc), "anyOf": [{"oneOf": known}, {"type": "string"}]})
    }

    /// A doc comment as one string.
    fn lines(doc: &str) -> String {
        doc.lines().map(str::trim).collect::<Vec<_>>().join("\n").trim().into()
    }

    /// The code of a rule, as the schema of a field that is a string in Rust.
    #[derive(Debug)]
    pub(crate) struct Code;

    impl JsonSchema for Code {
        fn schema_name() -> Cow<'static, str> {
            Cow::Borrowed("RuleCode")
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({"description": "The code of a rule: `provider.topic.kebab-slug`.", "type": "string"})
        }
    }
}
