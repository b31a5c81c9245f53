//! Questions to the providers' pure modules, in JSON: what a host may ask beside the verbs of its flows.

use alloc::string::String;

use serde::Serialize;

use crate::json::Malformed;

/// One question that a provider answers without any snapshot of a flow.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "CatalogueQuestion"))]
#[non_exhaustive]
pub struct Question {
    /// Its name.
    pub name: &'static str,
    /// What it asks, and what the answer is.
    pub about: &'static str,
    /// The fields that it takes.
    pub fields: &'static [&'static str],
    #[serde(skip)]
    pub(crate) answer: fn(&str) -> Result<String, Malformed>,
}

/// Declares the questions of a provider: what each takes, and how it is answered.
macro_rules! questions {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident { $($(#[$meta:meta])* $field:ident: $type:ty),+ $(,)? } => $answer:expr;
    )+) => {
        /// What can be asked of this provider.
        pub(super) const QUESTIONS: &[$crate::providers::Question] = &[$($crate::providers::Question {
            name: stringify!($name),
            about: concat!($($doc),+).trim_ascii(),
            fields: &[$(stringify!($field)),+],
            answer: |with| {
                #[derive(serde::Deserialize)]
                #[serde(deny_unknown_fields)]
                struct With { $($(#[$meta])* $field: $type),+ }
                let With { $($field),+ } = $crate::json::decode(with)?;
                let answer: Result<_, $crate::json::Malformed> = $answer;
                answer.map(|it| $crate::json::encode(&it))
            },
        }),+];
    };
}
pub(crate) use questions;
