//! The state of a payment token: four facets, and what they share.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Context;
use super::origin::{Closed, Origin};
use crate::flow::{Intents, Watch};
use crate::id::{Digest, EffectId, Intent};
use crate::providers::truemed::ids::{PaymentSessionId, ProvisionTokenRequestId, Token};
use crate::providers::truemed::session::{Asked, Session};
use crate::providers::truemed::wire::NextAction;
use crate::time::Timestamp;

/// How many open provision requests are watched.
pub(super) const WATCHED: usize = 8;

/// A stored payment method, from the wish to have one to its deletion, with its changes and its charges.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenState"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PaymentToken {
    /// Whether the token exists.
    pub place: Place,
    /// The text to charge with: that of the newest request of ours that was settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Token>,
    /// The newest request of ours that was settled, in their order.
    #[serde(default)]
    pub(super) settled: u32,
    /// When Truemed's newest word of it was so, where Truemed says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) word_at: Option<Timestamp>,
    /// The attempts to get a token that are still open, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) provisions: Vec<Provision>,
    /// The fingerprint of the items that the customer qualified for; unknown of an adopted token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Digest>,
    /// The same of the request for a token that was refused last, should Truemed have made one even so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<Digest>,
    /// The change of the items.
    #[serde(default)]
    pub items: Change,
    /// The change of the card.
    #[serde(default)]
    pub card: Change,
    /// The charge.
    #[serde(default)]
    pub charge: Charge,
    /// The charges by the host's names for them.
    #[serde(default)]
    pub(super) intents: Intents,
    /// The origins that are settled, so that a redelivery of theirs settles nothing else.
    #[serde(default, skip_serializing_if = "Closed::is_empty")]
    pub(super) closed: Closed,
    /// How many requests of ours there were: their order stands in for the time stamps that webhooks lack.
    #[serde(default)]
    pub(super) requests: u32,
    /// When the earliest letter of medical necessity expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lmn_expires_at: Option<Timestamp>,
    /// The fingerprint of the metadata that must come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) metadata: Option<Digest>,
}

/// Whether the token exists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenPlace"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Place {
    /// Nobody asked for one.
    #[default]
    Absent,
    /// It is asked for.
    Requested,
    /// Truemed decides, or the customer has not finished.
    Awaiting,
    /// One of another origin is looked up.
    Adopting,
    /// It exists.
    Issued,
    /// Its deletion is asked for.
    Deleting,
    /// It is gone for good.
    Deleted,
}

/// One attempt to get a token.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenProvision"))]
#[serde(deny_unknown_fields)]
pub(super) struct Provision {
    /// Its place in the order of our requests.
    pub(super) nth: u32,
    /// What Truemed calls it, once it has answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) origin: Option<Origin>,
    /// The fingerprint of its items.
    pub(super) items: Digest,
    /// Where the customer goes, exactly as Truemed gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) redirect_url: Option<String>,
    /// The wait for its token.
    pub(super) watch: Watch,
}

/// A change of the card or of the items.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenChange"))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Change {
    /// Nothing is open.
    #[default]
    Settled,
    /// An update is asked for, and takes the place of one that was open.
    #[non_exhaustive]
    Updating {
        /// Its place in the order of our requests.
        nth: u32,
        /// The fingerprint of its items, if it is about items.
        items: Option<Digest>,
        /// The change that is open until the reply says that this one takes its place.
        replaces: Option<Pending>,
        /// An older update whose outcome is unknown: this one settles it once it is done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        doubt: Option<Pending>,
    },
    /// The customer must act.
    Pending(Pending),
}

/// A change that the customer must still make good.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenPending"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Pending {
    /// Its place in the order of our requests.
    pub(super) nth: u32,
    /// The update that it comes from.
    pub of: EffectId,
    /// The request that its webhook will name, if the answer named one.
    pub(super) origin: Option<ProvisionTokenRequestId>,
    /// The fingerprint of its items, if it is about items.
    pub items: Option<Digest>,
    /// What the customer must do; empty where that cannot be named.
    pub action: NextAction,
    /// Where the customer does it, exactly as Truemed gave it.
    pub redirect_url: Option<String>,
    /// The wait for its end.
    pub(super) watch: Watch,
    /// The change that is open again if this one was never taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) replaces: Option<Box<Self>>,
}

/// A charge of the token, or the checkout that makes it.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenCharge"))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Charge {
    /// None is open.
    #[default]
    Idle,
    /// It is asked for.
    #[non_exhaustive]
    Requested {
        /// Its place in the order of our requests.
        nth: u32,
        /// What is asked for.
        asked: Asked,
        /// The customer's action that a refusal opened while another sending may have come true.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failed: Option<Failed>,
    },
    /// Truemed knows its session.
    #[non_exhaustive]
    Open {
        /// Its place in the order of our requests.
        nth: u32,
        /// The session.
        session: Session,
    },
    /// The stored method could not pay; the customer must act.
    Failed(Failed),
    /// The customer has acted; the host has to ask for the charge again.
    #[non_exhaustive]
    Repaired {
        /// Its place in the order of our requests.
        nth: u32,
        /// The host's name for the charge.
        intent: Option<Intent>,
        /// The session that failed, if it is known.
        session: Option<PaymentSessionId>,
        /// Since when the host can ask again.
        since: Timestamp,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_none(turn: &u32) -> bool {
    *turn == 0
}

/// A charge that failed.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "TruemedPaymentTokenFailed"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Failed {
    /// Its place in the order of our requests.
    pub(super) nth: u32,
    /// The request that was answered so.
    pub of: EffectId,
    /// The host's name for the charge.
    pub intent: Option<Intent>,
    /// The session that failed, if the answer named it.
    pub(super) session: Option<PaymentSessionId>,
    /// Truemed's word for the failure, as it came.
    pub code: Option<String>,
    /// What the customer must do, where the refusal says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<NextAction>,
    /// Where the customer repairs it, exactly as Truemed gave it.
    pub redirect_url: Option<String>,
    /// How often another page took the place of the one that the customer was told of.
    #[serde(default, skip_serializing_if = "is_none")]
    pub(super) turn: u32,
    /// The wait for its repair.
    pub(super) watch: Watch,
}

impl Pending {
    /// Whether a webhook of that origin is its.
    pub(super) fn is_named_by(&self, origin: &Origin) -> bool {
        matches!((origin, &self.origin), (Origin::Request(named), Some(id)) if named == id)
    }
}

/// What a failure's word has in it where the customer has to qualify anew.
const OF_THE_SURVEY: [&str; 6] = ["qualif", "survey", "eligib", "lmn", "letter", "medical"];

impl Failed {
    /// Whether the customer has to qualify anew, which no change of the card does.
    pub(super) fn is_of_the_survey(&self) -> bool {
        let word = match &self.action {
            Some(NextAction::HealthSurvey) => return true,
            Some(NextAction::UpdatePaymentMethod) => return false,
            Some(NextAction::Unknown(word)) => Some(word),
            None => self.code.as_ref(),
        };
        let word = word.map(|it| it.to_ascii_lowercase()).unwrap_or_default();
        OF_THE_SURVEY.into_iter().any(|part| word.contains(part))
    }
}

/// What a signal or a look-up says of a token: its text, and when its earliest letter expires.
#[derive(Clone, Copy)]
pub(super) struct Word<'a> {
    pub(super) token: &'a Token,
    pub(super) letter: Option<Timestamp>,
    /// When it was so, where that is said.
    pub(super) at: Option<Timestamp>,
}

impl<'a> Word<'a> {
    pub(super) const fn new(token: &'a Token, letter: Option<Timestamp>) -> Self {
        Self { token, letter, at: None }
    }
}

impl PaymentToken {
    /// The number of the next request of ours.
    pub(super) const fn count(&mut self) -> u32 {
        self.requests = self.requests.saturating_add(1);
        self.requests
    }

    /// Notes that a request of ours is settled, and takes Truemed's word of the token from it unless a newer one was.
    /// Says whether it is the newest.
    pub(super) fn take_token(&mut self, nth: u32, word: Word<'_>, cx: &mut Context<'_>) -> bool {
        let newest = self.is_newest(nth, word);
        if newest {
            if self.token.as_ref() != Some(word.token) {
                // What is told of it from now on finds this row.
                cx.learn(word.token.as_str());
            }
            self.token = Some(word.token.clone());
            self.lmn_expires_at = word.letter.or(self.lmn_expires_at);
            self.word_at = word.at.or(self.word_at);
            self.settled = nth;
        }
        if self.place < Place::Issued {
            self.place = Place::Issued;
        }
        newest
    }

    /// Of two words of the token the later counts, by their times, else by their letters, else by the order of asking.
    fn is_newest(&self, nth: u32, word: Word<'_>) -> bool {
        self.token.is_none() || self.is_later(word).unwrap_or(nth >= self.settled)
    }

    /// Whether a word of a known token is newer than the last one, and not that one again.
    pub(super) fn is_news(&self, nth: u32, word: Word<'_>) -> bool {
        self.token.is_some() && self.is_later(word).unwrap_or(nth > self.settled)
    }

    fn is_later(&self, word: Word<'_>) -> Option<bool> {
        later(word.at, self.word_at).or_else(|| later(word.letter, self.lmn_expires_at))
    }

    /// The place that follows from the attempts that are still open.
    pub(super) fn settle_place(&mut self) {
        if matches!(self.place, Place::Absent | Place::Requested | Place::Awaiting) {
            self.place = match self.provisions.iter().map(|it| it.origin.is_some()).max() {
                None => Place::Absent,
                Some(false) => Place::Requested,
                Some(true) => Place::Awaiting,
            };
        }
    }
}

/// Whether one is later than another, where both are known and differ.
fn later<T: Ord>(new: Option<T>, old: Option<T>) -> Option<bool> {
    match (new, old) {
        (Some(new), Some(old)) if new != old => Some(new > old),
        _ => None,
    }
}
