//! An id together with what it names.

use alloc::borrow::Cow;
use alloc::sync::Arc;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::{PROVIDER_ID, bounded, is_visible};

/// An id, and the kind of thing that it names, such as `invoice`.
///
/// The kinds are those of the provider's ids, and `key`, `intent` and `effect`. `Debug` prints no token.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TypedId {
    /// What it names.
    kind: Cow<'static, str>,
    /// The id, as the provider writes it.
    #[cfg_attr(feature = "schemas", schemars(with = "alloc::string::String"))]
    id: Arc<str>,
}

impl TypedId {
    /// An id of some kind.
    pub fn new(kind: &'static str, id: &str) -> Self {
        Self { kind: Cow::Borrowed(kind), id: id.into() }
    }

    pub(crate) fn shared(kind: &'static str, id: &Arc<str>) -> Self {
        Self { kind: Cow::Borrowed(kind), id: Arc::clone(id) }
    }

    /// An id that a message of a provider names; nothing if it cannot be one.
    pub(crate) fn read(kind: &'static str, text: &str) -> Option<Self> {
        bounded(text, PROVIDER_ID, is_visible).ok().map(|()| Self::new(kind, text))
    }

    /// The kind and the id.
    pub(crate) fn into_parts(self) -> (Cow<'static, str>, Arc<str>) {
        (self.kind, self.id)
    }

    pub(crate) fn of_parts(kind: Cow<'static, str>, id: &str) -> Self {
        Self { kind, id: id.into() }
    }

    /// What it names.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The id, as the provider writes it.
    pub fn as_str(&self) -> &str {
        &self.id
    }

    /// Whether it is a secret.
    pub(crate) fn is_secret(&self) -> bool {
        self.kind.ends_with("token")
    }
}

impl fmt::Debug for TypedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = if self.is_secret() { "…" } else { &self.id };
        write!(f, "{}:{id}", self.kind)
    }
}

/// An id in a stored effect: `kind:id`, which is shorter than an object.
pub(crate) mod compact {
    use alloc::format;

    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    use super::{Cow, TypedId};
    use crate::id::Text;

    pub(crate) fn serialize<S: Serializer>(id: &TypedId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{}:{}", id.kind, id.id))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TypedId, D::Error> {
        let text = Text::deserialize(deserializer)?.0;
        match text.split_once(':') {
            Some((kind, id)) => Ok(TypedId { kind: Cow::Owned(kind.into()), id: id.into() }),
            None => Err(D::Error::custom("must be a kind, a colon and an id")),
        }
    }
}
