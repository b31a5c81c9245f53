//! JSON of the host that is sent as it is written.

use alloc::sync::Arc;
use core::fmt;

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
use serde_json::Value;
use serde_json::value::RawValue;

use super::exact::exact;
use crate::id::parsed_text;
use crate::json::{Malformed, RAW, decode, encode, written};

/// Any JSON value, as a string in which every number keeps its digits.
///
/// With binary floating-point numbers, a request that is saved and loaded could have other digits under the same
/// idempotency key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RawJson(Arc<str>);

impl RawJson {
    /// Reads JSON, removes its white space, and sorts the members of its objects.
    ///
    /// ```
    /// use rulebound::value::RawJson;
    /// assert_eq!(RawJson::parse(r#"{"b": 1.10, "a": null}"#).unwrap().as_str(), r#"{"a":null,"b":1.10}"#);
    /// ```
    ///
    /// # Errors
    ///
    /// If it is no JSON, or has a member twice.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        exact(text).map(|text| Self(text.into()))
    }

    /// The JSON.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        self.as_str() == "null"
    }

    /// Reads it as a type; nothing if it has another type.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Option<T> {
        decode(&self.0).ok()
    }

    /// The JSON of a value of ours.
    pub(crate) fn of(value: &(impl Serialize + ?Sized)) -> Self {
        Self::parse(&encode(value)).unwrap_or_else(|_| Self("null".into()))
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

parsed_text!(RawJson, Malformed);

impl From<Value> for RawJson {
    fn from(value: Value) -> Self {
        Self::of(&value)
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // By this name the writer knows that the value is JSON already.
        let text = serde_json::from_str::<&RawValue>(&self.0).map_err(ser::Error::custom)?;
        serializer.serialize_newtype_struct(RAW, text)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&written(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for RawJson {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> alloc::borrow::Cow<'static, str> {
        Value::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Value::json_schema(generator)
    }
}

/// A JSON number, in the digits in which it is written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct RawNumber(RawJson);

impl RawNumber {
    /// Reads a number as JSON writes it.
    ///
    /// # Errors
    ///
    /// If it is no JSON, or another value.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let number = RawJson::parse(text)?;
        match number.as_str().as_bytes().first() {
            Some(b'0'..=b'9' | b'-') => Ok(Self(number)),
            _ => Err(Malformed::new("", "expected a number")),
        }
    }

    /// The number, as it is written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The nearest binary floating-point number, which is only good for comparisons.
    pub(crate) fn nearest(&self) -> f64 {
        self.0.read().unwrap_or(f64::NAN)
    }
}

parsed_text!(RawNumber, Malformed);

impl<'de> Deserialize<'de> for RawNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&written(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(feature = "schemas")]
impl schemars::JsonSchema for RawNumber {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> alloc::borrow::Cow<'static, str> {
        serde_json::Number::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        serde_json::Number::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_keeps_its_digits_when_it_is_saved_and_loaded() {
        let text = r#"{"a":[0.1000,1e2,3.141592653589793238462643383279],"b":123456789012345678901234567890}"#;
        let raw: RawJson = decode(text).unwrap();
        assert_eq!(raw.as_str(), text);
        assert_eq!(encode(&raw), text);
        assert_eq!(encode(&raw), serde_json::to_string(&raw).unwrap());
        assert_eq!(encode(&[&raw, &raw]), serde_json::to_string(&[&raw, &raw]).unwrap());
        assert_eq!(decode::<RawJson>(&encode(&raw)).unwrap(), raw);
        assert_eq!(serde_json::from_str::<RawJson>(&serde_json::to_string(&raw).unwrap()).unwrap(), raw);
    }

    #[test]
    fn values_become_json() {
        assert_eq!(RawJson::from(json!({"b": [1.5], "a": "é"})).as_str(), r#"{"a":"é","b":[1.5]}"#);
        assert!(RawJson::from(json!(null)).is_null());
        assert_eq!(serde_json::from_value::<RawJson>(json!([1])).unwrap().as_str(), "[1]");
    }

    #[test]
    fn a_number_is_a_number() {
        assert_eq!(RawNumber::parse("12.50").map(|it| encode(&it)).as_deref(), Ok("12.50"));
        assert!(RawNumber::parse("-1").unwrap().nearest() < 0.0);
        for other in ["\"1\"", "null", "[1]", "1,5", ""] {
            assert!(RawNumber::parse(other).is_err(), "{other}");
        }
    }
}
