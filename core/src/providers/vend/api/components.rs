//! The components of a change: the requested ones as fingerprints, and the ones that a used token shows.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::calls::{Component, digest};
use crate::id::Digest;
use crate::json::{any_form, decode};

/// How many components of one change are kept one by one.
const COUNTED: usize = 16;

/// The components that a change requests.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendParts"))]
#[serde(untagged)]
pub(crate) enum Parts {
    /// Each component by itself.
    Each(Vec<Part>),
    /// One fingerprint of all names and quantities, if there are very many.
    Many(Digest),
}

/// One component: its name, its quantity, and its price if the change requests one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendPart"))]
pub(crate) struct Part(pub(crate) Digest, pub(crate) i64, pub(crate) Option<Digest>);

impl Part {
    fn matches(&self, shown: &Self) -> bool {
        let is_same_price = self.2.zip(shown.2).is_none_or(|(requested, shown)| requested == shown);
        (self.0, self.1) == (shown.0, shown.1) && is_same_price
    }
}

impl Default for Parts {
    fn default() -> Self {
        Self::Each(Vec::new())
    }
}

impl Parts {
    /// The components of a request.
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

    /// Whether there are no components.
    pub(crate) const fn is_empty(&self) -> bool {
        matches!(self, Self::Each(all) if all.is_empty())
    }

    /// The components that are kept one by one.
    pub(crate) fn each(&self) -> &[Part] {
        match self {
            Self::Each(all) => all,
            Self::Many(_) => &[],
        }
    }

    /// Whether the shown components are the requested ones. A price counts only if both sides name one.
    fn matches(&self, shown: &Self) -> bool {
        match (self, shown) {
            (Self::Each(requested), Self::Each(shown)) => {
                requested.len() == shown.len() && requested.iter().all(|part| shown.iter().any(|it| part.matches(it)))
            }
            (requested, shown) => requested == shown,
        }
    }
}

/// Whether a used token shows the requested components. A string that cannot be read never does.
///
/// The sample in the documents is not JSON, because the outer name has no quotes. So only the array in the string
/// counts.
pub(crate) fn fits(requested: &Parts, shown: &str) -> bool {
    let text = shown.trim();
    if text == "null" || is_empty_object(text) {
        return true;
    }
    let array = text.find('[').zip(text.rfind(']')).and_then(|(from, to)| text.get(from..=to));
    let shown = array.and_then(|array| decode::<Vec<ShownComponent>>(array).ok());
    let part = |it: ShownComponent| Part(digest(&it.name), it.quantity, it.price.as_deref().map(digest));
    shown.is_some_and(|all| requested.matches(&Parts::of_all(all.into_iter().map(part).collect())))
}

/// Whether the text is an object without components: `{}`, or one whose `components` is null.
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
struct ShownComponent {
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

    fn requested() -> Parts {
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
            assert!(fits(&requested(), &shown), "{shown}");
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
            assert!(!fits(&requested(), &shown), "{shown}");
        }
        assert!(!fits(&Parts::default(), &format!("[{OUTLET}]")));
    }

    #[test]
    fn very_many_components_are_compared_as_one() {
        let all: Vec<_> = (0..20).map(|n| Component::new(&format!("part-{n}"), n)).collect();
        let shown = |n: usize| format!(r#"{{"component_handle":"part-{n}","quantity":{n}}}"#);
        let list = |all: &mut dyn Iterator<Item = usize>| format!("[{}]", all.map(shown).collect::<Vec<_>>().join(","));
        let requested = Parts::of(&all);
        assert!(requested.each().is_empty() && !requested.is_empty());
        assert!(fits(&requested, &list(&mut (0..20).rev())));
        assert!(!fits(&requested, &list(&mut (0..19))));
        assert!(!fits(&requested, &list(&mut (0..21))));
    }
}
