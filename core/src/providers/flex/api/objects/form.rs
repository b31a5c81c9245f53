//! The forms in which Flex writes ids, amounts, instants and lists: what does not decide never costs a message.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer};

use crate::json::{RawText, decode, lenient_text};
use crate::providers::flex::api::session_request::ECHO;
use crate::time::Timestamp;

/// Something that is written as its id, as several ids, or whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expandable(Vec<Expanded>);

/// One of them: an id, or the members of the whole thing by which it is known.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Expanded {
    Id(String),
    Whole(BTreeMap<String, String>),
}

impl Expanded {
    fn read(text: &str) -> Option<Self> {
        let Ok(members) = decode::<BTreeMap<String, RawText<'_>>>(text) else { return read_string(text).map(Self::Id) };
        let counts = |name: &str| name.ends_with("_id") || name == "status";
        let read = |(name, value): (String, RawText<'_>)| Some((name, read_string(value.get())?));
        Some(Self::Whole(members.into_iter().filter(|(name, _)| counts(name)).filter_map(read).collect()))
    }

    fn id(&self, named: &str) -> Option<&str> {
        match self {
            Self::Id(id) => Some(id),
            Self::Whole(members) => members.get(named).map(String::as_str),
        }
    }
}

/// A text, or a number as one; whatever else is in it, such as half a character, costs nothing.
fn read_string(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Text(#[serde(deserialize_with = "lenient_text")] Option<String>);
    decode(text).ok().and_then(|Text(text)| text)
}

impl Expandable {
    /// Its id, which has a name of its own in the whole thing; nothing where there are several.
    pub(crate) fn id(&self, named: &str) -> Option<&str> {
        let mut all = self.ids(named);
        all.next().filter(|_| all.next().is_none())
    }

    /// The ids of all of it.
    pub(crate) fn ids(&self, named: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(move |it| it.id(named))
    }

    /// A member, where it is whole and alone.
    pub(crate) fn member(&self, name: &str) -> Option<&str> {
        match self.0.as_slice() {
            [Expanded::Whole(members)] => members.get(name).map(String::as_str),
            _ => None,
        }
    }

    /// Whether it says anything.
    pub(crate) const fn is_there(&self) -> bool {
        !self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for Expandable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = RawText::deserialize(deserializer)?.get();
        Ok(Self(match decode::<Vec<RawText<'_>>>(text) {
            Ok(all) => all.iter().filter_map(|it| Expanded::read(it.get())).collect(),
            Err(_) => Expanded::read(text).into_iter().collect(),
        }))
    }
}

/// A member that decides: what cannot be read is not the same as what is absent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Member<T> {
    /// It is absent, or null.
    #[default]
    Absent,
    /// It says this.
    Value(T),
    /// It is something that it cannot be.
    Invalid,
}

impl<T> Member<T> {
    /// What it says.
    pub(crate) const fn value(&self) -> Option<&T> {
        match self {
            Self::Value(it) => Some(it),
            Self::Absent | Self::Invalid => None,
        }
    }

    /// Reads a member as its text is read.
    pub(super) fn read<'de, D: Deserializer<'de>>(
        deserializer: D,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Self, D::Error> {
        let text = RawText::deserialize(deserializer)?.get();
        Ok(if text == "null" { Self::Absent } else { read(text).map_or(Self::Invalid, Self::Value) })
    }
}

/// Reads an instant that decides.
pub(super) fn member_instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Member<Timestamp>, D::Error> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Instant(#[serde(deserialize_with = "instant")] Option<Timestamp>);
    Member::read(deserializer, |text| decode(text).ok().and_then(|Instant(at)| at))
}

/// The entries of a list that can be read, and whether those are all.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Entries<T> {
    /// Those that can be read.
    pub list: Vec<T>,
    /// Whether every entry could be read, and none is on another page: only then what is missing does not exist.
    pub whole: bool,
}

impl<T> Entries<T> {
    /// Reads every entry by itself: one that is odd drops no other.
    pub(crate) fn of<'de>(entries: &[RawText<'de>], most: usize) -> Self
    where
        T: Deserialize<'de>,
    {
        let list: Vec<_> = entries.iter().filter_map(|it| decode(it.get()).ok()).collect();
        let whole = list.len() == entries.len() && entries.len() < most;
        Self { list, whole }
    }
}

/// Reads a list inside an object; what is no list is one of which nothing can be read.
pub(super) fn entries<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Entries<T>>, D::Error> {
    let text = RawText::deserialize(deserializer)?.get();
    Ok(match decode::<Vec<RawText<'_>>>(text) {
        Ok(all) => Some(Entries::of(&all, usize::MAX)),
        Err(_) if text == "null" => None,
        Err(_) => Some(Entries { list: Vec::new(), whole: false }),
    })
}

/// Reads a word of the provider's, such as a status: a text and nothing else.
pub(super) fn enum_value<'de, D: Deserializer<'de>, T: From<String>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let text = RawText::deserialize(deserializer)?.get();
    let value = Some(text).filter(|text| text.starts_with('"')).and_then(|text| decode::<String>(text).ok());
    Ok(value.filter(|value| !value.is_empty()).map(T::from))
}

/// Reads an instant: seconds since the epoch, or ISO 8601. Milliseconds, which no document gives, say nothing.
pub(super) fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = lenient_text(deserializer)?;
    Ok(text.and_then(|text| match text.parse() {
        Ok(seconds) => Timestamp::from_documented_seconds(seconds),
        Err(_) => Timestamp::parse_iso(&text),
    }))
}

/// Reads the request's own key out of what Flex echoes.
pub(super) fn echo<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let metadata = RawText::deserialize(deserializer)?.get();
    let members = decode::<BTreeMap<String, RawText<'_>>>(metadata).unwrap_or_default();
    Ok(members.get(ECHO).and_then(|it| decode(it.get()).ok()))
}
