//! The state of a subscription: how it stands, and the changes that wait for the retailer's consent.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::token::{Closed, RequestId, Requested, Token};
use crate::flow::Watch;
use crate::id::Digest;
use crate::providers::vend::ids::{ConsentToken, SubscriptionId};
use crate::providers::vend::partner::State;
use crate::providers::vend::request::Kind;
use crate::time::Timestamp;

/// How many outstanding tokens are watched; no more are asked for until one of them ends.
pub(super) const WATCHED: usize = 32;

/// How many used tokens and cancellations are remembered.
const REMEMBERED: usize = 8;

/// A retailer's subscription to the partner's application.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionState"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Subscription {
    /// How it stands.
    pub place: Place,
    /// Its id, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<SubscriptionId>,
    /// Vend's own word for its state, as the last look-up showed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<State>,
    /// Whether a person said so, and no evidence.
    #[serde(default, skip_serializing_if = "is_false")]
    pub attested: bool,
    /// What a person said that this word means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) judged: Option<Place>,
    /// The retailer's domain, from the first wish on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain_prefix: Option<String>,
    /// The retailer, once a used token has named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retailer_id: Option<String>,
    /// The partner's application, once an answer has named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_id: Option<String>,
    /// The change whose token is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) requested: Option<Requested>,
    /// The tokens whose end is not known, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tokens: Vec<Token>,
    /// The request whose token is the one to offer: the newest that was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) newest: Option<RequestId>,
    /// The fingerprints of the last tokens that must not be offered again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) spent: Vec<Digest>,
    /// The last tokens that were given up as unused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) closed: Vec<Closed>,
    /// The consent that the plan comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) plan: Option<Mark>,
    /// How many there are of each component, as far as the used tokens tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) counts: Vec<Count>,
    /// The end of the first half hour, until it has been looked up after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) quiet_until: Option<Timestamp>,
    /// The seconds of the last cancellations that were told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) told: Vec<i64>,
    /// What a look-up shows that was begun before says nothing: a later one has told, or something has happened since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fresh_from: Option<Timestamp>,
    /// Whether it is open which subscription it is: only the list decides, or a person.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) in_doubt: bool,
    /// What was known before a consent was used that names no subscription, until it is decided which one it has made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) nameless: Option<Vec<SubscriptionId>>,
    /// The wait for what decides how it stands, while that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) watch: Option<Watch>,
    /// The last news of it, live or cancelled, that the host knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) known: Option<Place>,
    /// How often the host was told that it ended or lives again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) news: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// How a subscription stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionPlace"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Place {
    /// None is known.
    #[default]
    Absent,
    /// It lives.
    Live,
    /// It has ended: the retailer has cancelled it, or its term is over.
    Canceled,
    /// It is not known how it stands, or which of several it is.
    Unclear,
}

/// When a consent was used, by Vend's clock, when its token was asked for, and by which request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionMark"))]
pub(super) struct Mark(pub(super) Option<Timestamp>, pub(super) Timestamp, pub(super) RequestId);

impl Mark {
    /// Whether another consent replaces this one: the one used later, and where that is not told, the one asked for later.
    pub(super) fn is_before(&self, other: &Self) -> bool {
        match (self.0, other.0) {
            (Some(this), Some(that)) if this != that => this < that,
            _ => (self.1, self.2) < (other.1, other.2),
        }
    }
}

/// A component, how many there are of it unless a move to another plan leaves that open, and the consent that says so.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionCount"))]
pub(super) struct Count(pub(super) Digest, pub(super) Option<i64>, pub(super) Mark);

impl Subscription {
    /// The token that is offered: the newest that was issued, if its end is not known.
    pub(super) fn offered(&self, now: Timestamp) -> Option<&Token> {
        let newest = self.tokens.last().filter(|it| self.is_newest(it))?;
        Some(newest).filter(|it| it.disputed.is_none() && it.is_alive(now) && !self.is_stale(it))
    }

    /// Whether no token was issued after it.
    pub(super) fn is_newest(&self, token: &Token) -> bool {
        Some(token.of) == self.newest
    }

    /// Whether it would change what has ended.
    pub(super) fn is_stale(&self, token: &Token) -> bool {
        token.of.0 == Kind::Update && self.place == Place::Canceled
    }

    /// Whether it was known before the consent that names no subscription, and is not what that has made.
    pub(super) fn is_older(&self, id: &SubscriptionId) -> bool {
        self.nameless.as_ref().is_some_and(|before| before.contains(id))
    }

    /// Notes that a consent was used that names no subscription: the one that it made is none of the known ones.
    pub(super) fn note_nameless(&mut self) {
        let mut before = self.nameless.take().unwrap_or_default();
        if let Some(id) = self.id.clone().filter(|id| !before.contains(id)) {
            remember(&mut before, id, REMEMBERED);
        }
        self.nameless = Some(before);
    }

    /// Whether a consent is awaited.
    pub(super) fn is_awaiting(&self) -> bool {
        self.tokens.iter().any(|it| it.disputed.is_none())
    }

    /// Remembers a token that must not be offered again.
    pub(super) fn spend(&mut self, token: &ConsentToken) {
        let spent = token.digest();
        if !self.spent.contains(&spent) {
            remember(&mut self.spent, spent, REMEMBERED);
        }
    }

    /// Remembers a token that was given up, and whether a person has done so: it may have been used all the same.
    pub(super) fn close(&mut self, token: Token, judged: bool) {
        remember(&mut self.closed, Closed { token, judged }, REMEMBERED);
    }

    /// Notes a cancellation that was told.
    pub(super) fn note_told(&mut self, second: i64) {
        if !self.told.contains(&second) {
            remember(&mut self.told, second, REMEMBERED);
        }
    }

    /// What is impossible about a state that was loaded.
    pub(super) fn contradiction(&self) -> Option<&'static str> {
        match () {
            () if self.place == Place::Live && self.id.is_none() => Some("a live subscription has an id"),
            () if self.place == Place::Absent && self.id.is_some() => Some("an absent subscription has no id"),
            () if self.domain_prefix.is_none() && (self.is_awaiting() || self.requested.is_some()) => {
                Some("a token is asked for on a domain")
            }
            () if self.nameless.is_some() && !self.in_doubt => Some("what a consent made is in doubt until it is known"),
            () if self.tokens.len() > WATCHED => Some("there are more tokens than are watched"),
            () => None,
        }
    }
}

/// Keeps an entry in place of the oldest.
pub(super) fn remember<T>(list: &mut Vec<T>, it: T, most: usize) {
    if list.len() >= most {
        list.remove(0);
    }
    list.push(it);
}
