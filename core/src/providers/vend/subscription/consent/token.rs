//! Requests for consent tokens, and the tokens: their contents, their lookups, and what a lookup may show.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::super::Cx;
use super::super::account::{Account, is_same};
use super::contents::Contents;
use super::latest::Mark;
use crate::config::vend::Settings;
use crate::config::{Config, Lookups};
use crate::flow::PollTimer;
use crate::id::{Digest, EffectId};
use crate::providers::vend::api::calls::{Call, Kind, TokenRequest, digest};
use crate::providers::vend::api::components::{Parts, fits};
use crate::providers::vend::api::token::{DAY, IssuedTokenReply, TokenReply};
use crate::providers::vend::ids::{ConsentToken, SubscriptionId};
use crate::providers::vend::names::Review;
use crate::time::{Millis, Timestamp};

/// A request for a token: its kind, and the number of its effect.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionRequestId"))]
pub(super) struct RequestId(pub(super) Kind, u32);

impl RequestId {
    /// The request of an effect.
    pub(super) fn of(id: &EffectId) -> Option<Self> {
        let kind = [Kind::Create, Kind::Update].into_iter().find(|kind| kind.operation() == id.kind())?;
        Some(Self(kind, id.number()?)).filter(|it| it.id() == *id)
    }

    /// Which of the two requests it is.
    pub(super) const fn kind(self) -> Kind {
        self.0
    }

    /// The id of its effect.
    pub(super) fn id(self) -> EffectId {
        EffectId::of(self.0.operation(), self.1)
    }
}

/// The change that a request asks for, as fingerprints.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionAsked"))]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// The product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) product: Option<Digest>,
    /// Its price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) price: Option<Digest>,
    /// The components.
    #[serde(default, skip_serializing_if = "Parts::is_empty")]
    pub(super) parts: Parts,
}

impl Change {
    fn of(request: &TokenRequest) -> Self {
        Self {
            product: request.product_handle.as_deref().map(digest),
            price: request.price_handle.as_deref().map(digest),
            parts: Parts::of(request.components.as_deref().unwrap_or_default()),
        }
    }

    /// Whether the change names a plan.
    pub(super) const fn names_a_plan(&self) -> bool {
        self.product.is_some() || self.price.is_some()
    }
}

/// A request for a token, without a reply so far.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionRequested"))]
#[serde(deny_unknown_fields)]
pub(super) struct Requested {
    /// The request.
    #[serde(rename = "of")]
    pub(super) request: RequestId,
    /// The fingerprint of the whole request.
    pub(super) content: Digest,
    /// The requested change.
    #[serde(rename = "asked")]
    pub(super) change: Change,
    /// The handles of the change.
    #[serde(rename = "items", default, skip_serializing_if = "Contents::is_empty")]
    pub(super) contents: Contents,
}

impl Requested {
    pub(super) fn new(id: RequestId, request: &TokenRequest) -> Self {
        Self { request: id, content: request.content(), change: Change::of(request), contents: Contents::of(request) }
    }

    /// Whether this is the same request.
    pub(super) fn is_same(&self, kind: Kind, request: &TokenRequest) -> bool {
        self.request.kind() == kind && self.content == request.content()
    }
}

/// A token from Vend, whose end is unknown.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionToken"))]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    /// The request that the token belongs to.
    #[serde(rename = "of")]
    pub(super) request: RequestId,
    /// The token itself.
    pub(super) text: ConsentToken,
    /// The requested change.
    #[serde(rename = "asked")]
    pub(super) change: Change,
    /// The handles of the change.
    #[serde(rename = "items", default, skip_serializing_if = "Contents::is_empty")]
    pub(super) contents: Contents,
    /// When the token was requested.
    pub(super) since: Timestamp,
    /// When the token expires, if that is not a day after the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_early: Option<Timestamp>,
    /// The wait for the consent, once something has changed its schedule.
    #[serde(rename = "watch", default, skip_serializing_if = "Option::is_none")]
    timer: Option<PollTimer>,
    /// The use that a lookup shows, if it differs from the request. A person then reviews it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) disputed: Option<Use>,
}

/// A token that was given up as unused. A lookup may still show that it was used.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionClosed"))]
#[serde(deny_unknown_fields)]
pub(super) struct Closed {
    /// The token.
    pub(super) token: Token,
    /// Whether a person gave it up.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(super) by_person: bool,
}

/// The result of a used token.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionUse"))]
#[serde(deny_unknown_fields)]
pub(super) struct Use {
    /// The subscription that the token created or changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) subscription: Option<SubscriptionId>,
    /// When the token was used, by Vend's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<Timestamp>,
}

impl From<&TokenReply> for Use {
    fn from(reply: &TokenReply) -> Self {
        Self { subscription: reply.subscription_id.clone(), at: reply.used_at() }
    }
}

impl Token {
    /// A token from the reply to a request that was leased at `since` or earlier.
    pub(super) fn new(requested: Requested, reply: IssuedTokenReply, since: Timestamp) -> Self {
        let Requested { request, change, contents, .. } = requested;
        let expires_early = Some(reply.expires_at(since)).filter(|it| *it != since.after(DAY));
        Self { request, text: reply.token, change, contents, since, expires_early, timer: None, disputed: None }
    }

    /// When the token expires.
    pub(super) fn expires_at(&self) -> Timestamp {
        self.expires_early.unwrap_or(self.since.after(DAY))
    }

    /// Whether the retailer can still use the token.
    pub(super) fn is_valid(&self, now: Timestamp) -> bool {
        !self.expires_at().is_over(now)
    }

    /// The place of the consent in the order, if it was used at that time.
    pub(super) const fn mark(&self, used_at: Option<Timestamp>) -> Mark {
        Mark(used_at, self.since, self.request)
    }

    pub(super) fn is_of(&self, effect: &str) -> bool {
        self.request.id().as_str() == effect
    }

    /// When the wait for the consent began.
    pub(super) fn waiting_since(&self) -> Timestamp {
        self.timer().since()
    }

    fn timer(&self) -> PollTimer {
        self.timer.clone().unwrap_or(PollTimer::new(self.since))
    }

    /// The schedule of its lookups: often after a return, once at the expiry, and less and less often after that.
    fn schedule(&self, config: &Config) -> Lookups {
        let lifetime = self.expires_at().as_millis().saturating_sub(self.waiting_since().as_millis());
        let lifetime = Millis::new(u64::try_from(lifetime).unwrap_or_default());
        let later = config.lookups.while_waiting_ms.iter().copied().filter(|span| *span > lifetime);
        let waiting: Vec<_> = core::iter::once(lifetime).chain(later).collect();
        Lookups { after_return_ms: config.lookups.after_return_ms.clone(), while_waiting_ms: Cow::Owned(waiting) }
    }

    /// Schedules the next lookup, and a review for the end of the schedule.
    pub(super) fn schedule_lookup(&self, cx: &mut Cx<'_>) {
        if self.disputed.is_some() {
            return;
        }
        let (timer, schedule) = (self.timer(), self.schedule(cx.config()));
        if let Some(next) = timer.next(&schedule) {
            cx.look_up_from(Call::RetrieveToken(self.text.clone()), next);
        }
        let end = timer.end(&schedule).unwrap_or(cx.now());
        cx.ask_at(Review::Unconfirmed, &self.request.id(), end);
    }

    /// The retailer returned. The token is looked up at once, and then less and less often.
    pub(super) fn returned(&mut self, now: Timestamp) {
        let mut timer = self.timer();
        timer.returned(now);
        self.timer = Some(timer);
    }

    /// A person decided to wait further.
    pub(super) fn restart_wait(&mut self, now: Timestamp) {
        self.timer = Some(PollTimer::new(now));
    }

    /// A lookup that was leased at that time proved nothing.
    pub(super) fn looked(&mut self, leased_at: Timestamp) {
        let mut timer = self.timer();
        timer.looked(leased_at);
        self.timer = Some(timer);
    }

    /// The pointer to the first member of the reply that differs from the request. `known` is the known subscription.
    pub(super) fn difference(
        &self,
        reply: &TokenReply,
        account: &Account,
        known: Option<&SubscriptionId>,
        settings: &Settings,
    ) -> Option<&'static str> {
        let is_requested = |shown: Option<&String>, requested: Option<Digest>| {
            shown.zip(requested).is_none_or(|(shown, requested)| digest(shown) == requested)
        };
        let Change { product, price, parts } = &self.change;
        let (subscription, application) = (&reply.subscription_id, reply.vend_application_id.as_deref());
        let is_known = self.request.kind() == Kind::Create
            || subscription.as_ref().zip(known).is_none_or(|(it, known)| it == known);
        match () {
            () if reply.token.as_ref().is_some_and(|shown| shown != self.text.as_str()) => Some("/token"),
            () if !account.is_of(reply.retailer_id.as_deref()) => Some("/retailer_id"),
            () if !is_same(account.application(settings), application) => Some("/vend_application_id"),
            () if !is_requested(reply.product_handle.as_ref(), *product) => Some("/product_handle"),
            () if !is_requested(reply.product_price_point_handle.as_ref(), *price) => {
                Some("/product_price_point_handle")
            }
            () if !reply.components.as_deref().is_none_or(|shown| fits(parts, shown)) => Some("/components"),
            () if !is_known => Some("/subscription_id"),
            () => None,
        }
    }

    /// Whether a lookup that was leased at that time and showed the token as unused ends the wait. The token had
    /// expired by then, and every lookup after a return is done.
    pub(super) fn is_over(&self, leased_at: Timestamp, config: &Config) -> bool {
        let schedule = self.schedule(config);
        let frequent =
            Lookups { while_waiting_ms: schedule.while_waiting_ms.iter().copied().take(1).collect(), ..schedule };
        !self.is_valid(leased_at) && self.timer().next(&frequent).is_none()
    }
}
