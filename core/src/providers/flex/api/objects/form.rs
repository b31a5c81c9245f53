//! The formats of ids, amounts, times and lists in Flex's messages. A member that decides nothing never makes a message
//! unreadable.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Deserializer};

use crate::json::{RawText, decode, lenient_text};
use crate::providers::flex::api::session_request::ECHO;
use crate::providers::flex::ids::{CustomerId, PaymentMethodId};
use crate::time::Timestamp;

/// A member that holds an id, several ids, or whole objects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expandable(Vec<Expanded>);

/// The member of an intent that names its payment method.
const PAYMENT_METHOD: &str = "payment_method";

/// One entry: an id, or the ids, the status and the payment method of a whole object.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Expanded {
    Id(String),
    Whole(BTreeMap<String, String>),
}

impl Expanded {
    fn read(text: &str) -> Option<Self> {
        let Ok(members) = decode::<BTreeMap<String, RawText<'_>>>(text) else { return read_string(text).map(Self::Id) };
        let counts = |name: &str| name.ends_with("_id") || ["status", PAYMENT_METHOD].contains(&name);
        // The payment method may be a whole object too.
        let id_of = |name: &str, text: &str| match name {
            PAYMENT_METHOD => decode::<Expandable>(text).ok()?.id("payment_method_id").map(String::from),
            _ => read_string(text),
        };
        let read = |(name, value): (String, RawText<'_>)| id_of(&name, value.get()).map(|value| (name, value));
        Some(Self::Whole(members.into_iter().filter(|(name, _)| counts(name)).filter_map(read).collect()))
    }

    fn id(&self, named: &str) -> Option<&str> {
        match self {
            Self::Id(id) => Some(id),
            Self::Whole(members) => members.get(named).map(String::as_str),
        }
    }
}

/// Reads a string, or a number as a string. Anything else counts as absent.
fn read_string(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Text(#[serde(deserialize_with = "lenient_text")] Option<String>);
    decode(text).ok().and_then(|Text(text)| text)
}

impl Expandable {
    /// The id, if there is exactly one. `named` is the name of the id in a whole object.
    pub(crate) fn id(&self, named: &str) -> Option<&str> {
        let mut all = self.ids(named);
        all.next().filter(|_| all.next().is_none())
    }

    /// All ids.
    pub(crate) fn ids(&self, named: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(move |it| it.id(named))
    }

    /// A member of the object, if there is exactly one whole object.
    pub(crate) fn member(&self, name: &str) -> Option<&str> {
        match self.0.as_slice() {
            [Expanded::Whole(members)] => members.get(name).map(String::as_str),
            _ => None,
        }
    }

    /// The customer, if there is exactly one.
    pub(crate) fn customer_id(&self) -> Option<CustomerId> {
        CustomerId::parse(self.id("customer_id")?).ok()
    }

    /// The payment method, if there is exactly one.
    pub(crate) fn payment_method_id(&self) -> Option<PaymentMethodId> {
        PaymentMethodId::parse(self.id("payment_method_id")?).ok()
    }

    /// The payment method of the only object that shows one.
    pub(crate) fn payment_method(&self) -> Option<PaymentMethodId> {
        let of = |it: &Expanded| match it {
            Expanded::Id(_) => None,
            Expanded::Whole(members) => PaymentMethodId::parse(members.get(PAYMENT_METHOD)?).ok(),
        };
        let mut all = self.0.iter().filter_map(of);
        all.next().filter(|_| all.next().is_none())
    }

    /// Whether there is an id or an object.
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

/// A member that decides something: an unreadable value is not the same as an absent one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Member<T> {
    /// The member is absent or null.
    #[default]
    Absent,
    /// The member has this value.
    Value(T),
    /// The member has a value that cannot be read.
    Invalid,
}

impl<T> Member<T> {
    /// The value, if it can be read.
    pub(crate) const fn value(&self) -> Option<&T> {
        match self {
            Self::Value(it) => Some(it),
            Self::Absent | Self::Invalid => None,
        }
    }

    /// Reads a member from its JSON.
    pub(super) fn read<'de, D: Deserializer<'de>>(
        deserializer: D,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Self, D::Error> {
        let text = RawText::deserialize(deserializer)?.get();
        Ok(if text == "null" { Self::Absent } else { read(text).map_or(Self::Invalid, Self::Value) })
    }
}

/// Reads a time that decides something.
pub(super) fn member_instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Member<Timestamp>, D::Error> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Instant(#[serde(deserialize_with = "instant")] Option<Timestamp>);
    Member::read(deserializer, |text| decode(text).ok().and_then(|Instant(at)| at))
}

/// The readable entries of a list, and whether the list is complete.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Entries<T> {
    /// The entries that can be read.
    pub list: Vec<T>,
    /// Whether every entry could be read, and no other page follows. Only then a missing entry does not exist.
    pub complete: bool,
}

impl<T> Entries<T> {
    /// Reads each entry by itself, so that an unreadable entry does not hide another.
    pub(crate) fn of<'de>(entries: &[RawText<'de>], most: usize) -> Self
    where
        T: Deserialize<'de>,
    {
        let list: Vec<_> = entries.iter().filter_map(|it| decode(it.get()).ok()).collect();
        let complete = list.len() == entries.len() && entries.len() < most;
        Self { list, complete }
    }
}

/// Reads a list in an object. Anything but a list counts as an incomplete list without entries.
pub(super) fn entries<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Entries<T>>, D::Error> {
    let text = RawText::deserialize(deserializer)?.get();
    Ok(match decode::<Vec<RawText<'_>>>(text) {
        Ok(all) => Some(Entries::of(&all, usize::MAX)),
        Err(_) if text == "null" => None,
        Err(_) => Some(Entries { list: Vec::new(), complete: false }),
    })
}

/// Reads a value of an enum, such as a status: a string that is not empty.
pub(super) fn enum_value<'de, D: Deserializer<'de>, T: From<String>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let text = RawText::deserialize(deserializer)?.get();
    let value = Some(text).filter(|text| text.starts_with('"')).and_then(|text| decode::<String>(text).ok());
    Ok(value.filter(|value| !value.is_empty()).map(T::from))
}

/// Reads a time: seconds since the epoch, or ISO 8601. Milliseconds, which no document mentions, count as absent.
pub(super) fn instant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = lenient_text(deserializer)?;
    Ok(text.and_then(|text| match text.parse() {
        Ok(seconds) => Timestamp::from_documented_seconds(seconds),
        Err(_) => Timestamp::parse_iso(&text),
    }))
}

/// Reads the key of a request from the metadata that Flex returns.
pub(super) fn echo<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let metadata = RawText::deserialize(deserializer)?.get();
    let members = decode::<BTreeMap<String, RawText<'_>>>(metadata).unwrap_or_default();
    Ok(members.get(ECHO).and_then(|it| decode(it.get()).ok()))
}
