//! What is owed, as a snapshot keeps it: whole, or by its place in what the state plans anyway.

use alloc::format;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Call, Duty, Obligation};
use crate::decode::{Malformed, decode};
use crate::id::EffectId;
use crate::time::Timestamp;

/// A look-up that is owed as the state plans it: its index in the plan, and its ordinal.
type Planned = (u8, u32);

/// Obligations, to be saved beside a state that plans some of them.
pub(crate) struct Entries<'a, C> {
    pub(crate) owed: &'a [Obligation<C>],
    pub(crate) planned: &'a [(C, Timestamp)],
}

/// Something that is owed, as a snapshot of a flow that plans look-ups keeps it.
#[derive(Serialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "{C}Entry"))]
#[serde(untagged, bound(serialize = "C: Call"))]
pub(crate) enum Entry<'a, C> {
    /// A look-up that is owed as the state plans it: its index in the plan, and its ordinal.
    Planned(Planned),
    /// Anything else.
    Whole(&'a Obligation<C>),
}

impl<C: Call> Serialize for Entries<'_, C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = |it| place(it, self.planned).map_or(Entry::Whole(it), Entry::Planned);
        serializer.collect_seq(self.owed.iter().map(entry))
    }
}

/// Where an obligation stands in a plan, if it is just as planned.
fn place<C: Call>(it: &Obligation<C>, planned: &[(C, Timestamp)]) -> Option<Planned> {
    let Duty::Request(owed) = &it.duty else { return None };
    let index = planned.iter().position(|(call, due)| call == owed && it.due == Some(*due))?;
    let ordinal = it.id.ordinal()?;
    let whole = whole(planned.get(index)?, ordinal);
    Some((u8::try_from(index).ok()?, ordinal)).filter(|_| *it == whole)
}

/// A planned look-up as an obligation that nobody has begun.
fn whole<C: Call>((call, due): &(C, Timestamp), ordinal: u32) -> Obligation<C> {
    let id = EffectId::of(call.operation(), ordinal);
    let duty = Duty::Request(call.clone());
    Obligation { id, duty, due: Some(*due), begun: 0, begun_at: None, in_hand_until: None, held: false }
}

/// Reads what [`Entries`] writes.
pub(crate) fn entries<C: Call>(
    json: &str,
    planned: Option<&[(C, Timestamp)]>,
) -> Result<Vec<Obligation<C>>, Malformed> {
    let Some(planned) = planned else { return decode(json) };
    let entries = decode::<Vec<Read<C>>>(json)?.into_iter().enumerate();
    let whole = entries.map(|(at, entry)| match entry {
        Read::Whole(it) => Ok(it),
        Read::Planned((index, ordinal)) => {
            let planned = planned.get(usize::from(index)).map(|it| whole(it, ordinal));
            planned.ok_or_else(|| Malformed::new(format!("/{at}/0"), "is not in what the state plans"))
        }
    });
    whole.collect()
}

enum Read<C> {
    Planned(Planned),
    Whole(Obligation<C>),
}

impl<'de, C: DeserializeOwned> Deserialize<'de> for Read<C> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReadVisitor(PhantomData))
    }
}

struct ReadVisitor<C>(PhantomData<C>);

impl<'de, C: DeserializeOwned> Visitor<'de> for ReadVisitor<C> {
    type Value = Read<C>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an obligation, or the index and the ordinal of a planned one")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Read<C>, A::Error> {
        Planned::deserialize(SeqAccessDeserializer::new(list)).map(Read::Planned)
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Read<C>, A::Error> {
        Obligation::deserialize(MapAccessDeserializer::new(fields)).map(Read::Whole)
    }
}
