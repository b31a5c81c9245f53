//! The last reply that proved no success, as a snapshot stores it.

use alloc::borrow::Cow;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::fact::{Failure, FailureKind};
use crate::id::EffectId;
use crate::time::Timestamp;

/// The most characters of the provider's message that are stored.
const LONGEST_MESSAGE: usize = 300;

/// The most characters of any other text of the provider that are stored.
const LONGEST_TEXT: usize = 100;

/// A reply that proved no success.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct LastFailure {
    /// The id of the request.
    effect: EffectId,
    /// The action that the request came from.
    action: Cow<'static, str>,
    /// When the host reported it.
    at: Timestamp,
    /// Whether the request only reads.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    is_lookup: bool,
    /// The kind of the reply.
    kind: FailureKind,
    /// The HTTP status, if there was a reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    http_status: Option<u16>,
    /// A JSON Pointer to the member of a good reply that is missing or wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pointer: Option<Cow<'static, str>>,
    /// The provider's error code, cut off after 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// The provider's message, cut off after 300 characters, or our own if the outcome is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    /// The code of our rule that predicts this refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<Cow<'static, str>>,
}

impl LastFailure {
    pub(super) fn of(failure: &Failure) -> Self {
        // The id of the effect contains the intent.
        let Failure { effect, action, intent: _, at, kind, http_status, pointer, code, message, rule, is_lookup } =
            failure.clone();
        let cut = |text: String, most: usize| text.chars().take(most).collect::<String>();
        let code = code.map(|text| cut(text, LONGEST_TEXT));
        let message = message.map(|text| cut(text, LONGEST_MESSAGE));
        Self { effect, action, at, is_lookup, kind, http_status, pointer, code, message, rule }
    }

    /// Whether a new failure says more than this one. A failed lookup says less than a request that changes something.
    pub(super) const fn gives_way_to(&self, failure: &Failure) -> bool {
        self.is_lookup || !failure.is_lookup
    }

    /// Whether the request was of this operation.
    pub(super) fn is_of(&self, operation: &str) -> bool {
        self.effect.kind() == operation
    }
}

impl From<LastFailure> for Failure {
    fn from(it: LastFailure) -> Self {
        let LastFailure { effect, action, at, is_lookup, kind, http_status, pointer, code, message, rule } = it;
        let intent = effect.try_of_intent().map(|(intent, _)| intent);
        Self { effect, action, intent, at, kind, http_status, pointer, code, message, rule, is_lookup }
    }
}
