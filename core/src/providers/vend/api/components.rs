//! Components of a change: what was asked for as fingerprints, and what the lookup of a used token shows of it.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::calls::{Component, digest};
use crate::id::Digest;
use crate::json::{any_form, decode};

/// The most components of one change that are remembered one by one.
const COUNTED: usize = 16;

/// What a change asks for of its components.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendParts"))]
#[serde(untagged)]
pub(crate) enum Parts {
    /// Each of them.
    Each(Vec<Part>),
    /// The fingerprint of the names and numbers of very many.
    Many(Digest),
}

/// One component: its name, how many, and its price where one is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendPart"))]
pub(crate) struct Part(pub(crate) Digest, pub(crate) i64, pub(crate) Option<Digest>);

impl Default for Parts {
    fn default() -> Self {
        Self::Each(Vec::new())
    }
}

impl Parts {
    /// What a change asks for.
    pub(crate) fn of(components: &[Component]) -> Self {
        let name = |it: &Component| digest(it.component_handle.as_deref().unwrap_or_default());
        let price = |it: &Component| it.component_price_handle.as_deref().map(digest);
        Self::of_all(components.iter().map(|it| Part(name(it), it.quantity.unwrap_or_default(), price(it))).collect())
    }

    fn of_all(mut all: Vec<Part>) -> Self {
        if all.len() <= COUNTED {
            return Self::Each(all);
        }
        all.sort_unstable_by_key(|it| (it.0, it.1));
        let numbers: Vec<_> = all.iter().map(|it| it.1.to_le_bytes()).collect();
        let names = all.iter().map(|it| it.0.as_bytes());
        Self::Many(Digest::of(names.zip(&numbers).flat_map(|(name, number)| [name, number.as_slice()])))
    }

    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        matches!(self, Self::Each(all) if all.is_empty())
    }

    /// The components that are remembered one by one.
    pub(crate) fn each(&self) -> &[Part] {
        match self {
            Self::Each(all) => all,
            Self::Many(_) => &[],
        }
    }

    /// Whether what is shown is the same; a price counts where both name one.
    fn shows(&self, shown: &Self) -> bool {
        let is = |asked: &Part, shown: &Part| {
            (asked.0, asked.1) == (shown.0, shown.1) && asked.2.zip(shown.2).is_none_or(|(asked, shown)| asked == shown)
        };
        match (self, shown) {
            (Self::Each(asked), Self::Each(shown)) => {
                asked.len() == shown.len() && asked.iter().all(|it| shown.iter().any(|other| is(it, other)))
            }
            (asked, shown) => asked == shown,
        }
    }
}

/// Whether what a used token shows of its components is what was asked for; a text that cannot be read is not.
///
/// The document's own sample is no JSON, since its outer name stands without quotes: the list in it is what counts.
pub(crate) fn fits(asked: &Parts, shown: &str) -> bool {
    let text = shown.trim();
    if text == "null" || is_empty_object(text) {
        return true;
    }
    let list = text.find('[').zip(text.rfind(']')).and_then(|(from, to)| text.get(from..=to));
    let shown = list.and_then(|list| decode::<Vec<Shown>>(list).ok());
    let part = |it: Shown| Part(digest(&it.name), it.quantity, it.price.as_deref().map(digest));
    shown.is_some_and(|all| asked.shows(&Parts::of_all(all.into_iter().map(part).collect())))
}

/// Whether a text is an object that names no components: `{}`, or one whose list is null.
fn is_empty_object(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Outer {
        #[serde(default)]
        components: Option<()>,
    }
    decode::<Outer>(text).is_ok_and(|it| it.components.is_none())
}

/// One component, as a used token shows it.
#[derive(Deserialize)]
struct Shown {
    #[serde(rename = "component_handle")]
    name: String,
    #[serde(default, rename = "component_price_point_handle", alias = "component_price_handle")]
    price: Option<String>,
    #[serde(default, deserialize_with = "any_form")]
    quantity: i64,
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;

    use super::*;

    fn asked() -> Parts {
        Parts::of(&[Component::new("outlet", 5).at_price("basic"), Component::new("loyalty", 2).at_price("gold")])
    }

    const OUTLET: &str = r#"{"component_handle":"outlet","component_price_point_handle":"basic","quantity":5}"#;
    const LOYALTY: &str = r#"{"component_handle":"loyalty","component_price_point_handle":"gold","quantity":"2"}"#;

    #[test]
    fn the_same_components_in_any_form_fit() {
        for shown in [
            format!("[{OUTLET},{LOYALTY}]"),
            format!("[{LOYALTY}, {OUTLET}]"),
            format!("{{components: [{OUTLET},{LOYALTY}]}}"),
            format!(r#"{{"components":[{OUTLET},{LOYALTY}]}}"#).replace("\"basic\"", "null"),
            "null".into(),
            "{}".into(),
            r#"{"components":null}"#.into(),
        ] {
            assert!(fits(&asked(), &shown), "{shown}");
        }
        for shown in ["[]", "{components: []}", " null "] {
            assert!(fits(&Parts::default(), shown), "{shown}");
        }
    }

    #[test]
    fn other_components_and_what_cannot_be_read_do_not_fit() {
        for shown in [
            format!("[{OUTLET}]"),
            format!("[{OUTLET},{LOYALTY}]").replace("gold", "silver"),
            format!("[{OUTLET},{LOYALTY}]").replace(":5", ":6"),
            format!("[{OUTLET},{LOYALTY},{OUTLET}]"),
            format!("[{OUTLET},{LOYALTY}").replace('"', ""),
            "[]".into(),
            "outlet: 5".into(),
            String::new(),
        ] {
            assert!(!fits(&asked(), &shown), "{shown}");
        }
        assert!(!fits(&Parts::default(), &format!("[{OUTLET}]")));
    }

    #[test]
    fn very_many_components_are_compared_as_one() {
        let all: Vec<_> = (0..20).map(|n| Component::new(&format!("part-{n}"), n)).collect();
        let shown = |n: usize| format!(r#"{{"component_handle":"part-{n}","quantity":{n}}}"#);
        let list = |all: &mut dyn Iterator<Item = usize>| format!("[{}]", all.map(shown).collect::<Vec<_>>().join(","));
        let asked = Parts::of(&all);
        assert!(asked.each().is_empty() && !asked.is_empty());
        assert!(fits(&asked, &list(&mut (0..20).rev())));
        assert!(!fits(&asked, &list(&mut (0..19))));
        assert!(!fits(&asked, &list(&mut (0..21))));
    }
}
