//! Names with their texts for people.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Serialize;

use super::Named;

/// A name with its texts for people: for a customer's page, or for a support agent's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "CatalogueText"))]
#[non_exhaustive]
pub struct Text {
    /// The name on the wire.
    pub name: &'static str,
    /// A few words, such as for a button or a badge.
    pub label: String,
    /// What it means, in a sentence or two.
    pub about: &'static str,
}

impl Text {
    /// The texts of a name.
    pub(crate) fn of(named: impl Named) -> Self {
        Self { name: named.name(), label: label(named.name()), about: named.about() }
    }

    /// The texts of all names of a set.
    pub(crate) fn all<N: Named>() -> Vec<Self> {
        N::ALL.iter().copied().map(Self::of).collect()
    }
}

/// A name in words, such as `Update payment token: items` for `update_payment_token/items`.
fn label(name: &str) -> String {
    let words = name.replace(['_', '.'], " ").replace('/', ": ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}
