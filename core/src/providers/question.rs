//! Questions that a provider answers without a snapshot, in JSON.

use alloc::string::String;

use serde::Serialize;

use crate::json::Malformed;

/// One question that a provider answers without a snapshot.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "CatalogueQuestion"))]
#[non_exhaustive]
pub struct Question {
    /// Its name.
    pub name: &'static str,
    /// The question, and the meaning of its answer.
    pub about: &'static str,
    /// Its fields.
    pub fields: &'static [&'static str],
    #[serde(skip)]
    pub(crate) answer: fn(&str) -> Result<String, Malformed>,
}

/// Declares the questions of a provider: their fields and their answers.
macro_rules! questions {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident { $($(#[$meta:meta])* $field:ident: $type:ty),+ $(,)? } => $answer:expr;
    )+) => {
        /// The questions that this provider answers.
        pub(super) const QUESTIONS: &[$crate::providers::Question] = &[$($crate::providers::Question {
            name: stringify!($name),
            about: concat!($($doc),+).trim_ascii(),
            fields: &[$(stringify!($field)),+],
            answer: |fields| {
                #[derive(serde::Deserialize)]
                #[serde(deny_unknown_fields)]
                struct Fields { $($(#[$meta])* $field: $type),+ }
                let Fields { $($field),+ } = $crate::json::decode(fields)?;
                let answer: Result<_, $crate::json::Malformed> = $answer;
                answer.map(|value| $crate::json::encode(&value))
            },
        }),+];
    };
}
pub(crate) use questions;
