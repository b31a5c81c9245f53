//! Requests for consent tokens, and the tokens: what was asked for, when each is looked up, and what a lookup may show.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::super::Cx;
use super::super::account::{Account, is_same};
use super::latest::Mark;
use crate::config::vend::Settings;
use crate::config::{Config, Lookups};
use crate::flow::PollTimer;
use crate::id::{Digest, EffectId};
use crate::providers::vend::api::calls::{Call, Kind, TokenRequest, digest};
use crate::providers::vend::api::components::{Parts, fits};
use crate::providers::vend::api::token::{DAY, TokenIssued, TokenSeen};
use crate::providers::vend::ids::{ConsentToken, SubscriptionId};
use crate::providers::vend::names::Review;
use crate::time::{Millis, Timestamp};

/// A request for a token: which of the two, and the number of its effect.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionRequestId"))]
pub(super) struct RequestId(pub(super) Kind, u32);

impl RequestId {
    /// The request whose effect that is.
    pub(super) fn of(id: &EffectId) -> Option<Self> {
        let kind = [Kind::Create, Kind::Update].into_iter().find(|kind| kind.operation() == id.kind())?;
        Some(Self(kind, id.number()?)).filter(|it| it.id() == *id)
    }

    /// Its effect.
    pub(super) fn id(self) -> EffectId {
        EffectId::of(self.0.operation(), self.1)
    }
}

/// What a request asks for, as fingerprints.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionAsked"))]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
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

impl Asked {
    fn of(request: &TokenRequest) -> Self {
        Self {
            product: request.product_handle.as_deref().map(digest),
            price: request.price_handle.as_deref().map(digest),
            parts: Parts::of(request.components.as_deref().unwrap_or_default()),
        }
    }

    /// Whether it names a plan.
    pub(super) const fn names_a_plan(&self) -> bool {
        self.product.is_some() || self.price.is_some()
    }
}

/// A request for a token that is not answered.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionRequested"))]
#[serde(deny_unknown_fields)]
pub(super) struct Requested {
    /// The request.
    pub(super) of: RequestId,
    /// The fingerprint of all that it says.
    pub(super) content: Digest,
    /// What it asks for.
    pub(super) asked: Asked,
}

impl Requested {
    pub(super) fn new(of: RequestId, request: &TokenRequest) -> Self {
        Self { of, content: request.content(), asked: Asked::of(request) }
    }

    /// Whether it is the same request.
    pub(super) fn is(&self, kind: Kind, request: &TokenRequest) -> bool {
        self.of.0 == kind && self.content == request.content()
    }
}

/// A token that Vend has issued, and whose end is not known.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionToken"))]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    /// The request that it answers.
    pub(super) of: RequestId,
    /// Its text.
    pub(super) text: ConsentToken,
    /// What was asked for.
    pub(super) asked: Asked,
    /// When it was asked for.
    pub(super) since: Timestamp,
    /// When it expires, where that is not a day after it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_early: Option<Timestamp>,
    /// The wait for the retailer's consent, once something has come of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    watch: Option<PollTimer>,
    /// What a lookup shows that it was used for, where that is something else: a person reviews.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) disputed: Option<Use>,
}

/// A token that was given up as unused: a lookup may show that it was used all the same.
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

/// What a used token has done.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionUse"))]
#[serde(deny_unknown_fields)]
pub(super) struct Use {
    /// The subscription that it made or changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) subscription: Option<SubscriptionId>,
    /// When, by Vend's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<Timestamp>,
}

impl From<&TokenSeen> for Use {
    fn from(seen: &TokenSeen) -> Self {
        Self { subscription: seen.subscription_id.clone(), at: seen.used() }
    }
}

impl Token {
    /// The reply to a request that was sent then, or earlier.
    pub(super) fn issued(requested: Requested, reply: TokenIssued, since: Timestamp) -> Self {
        let Requested { of, asked, .. } = requested;
        let expires_early = Some(reply.expires_at(since)).filter(|it| *it != since.after(DAY));
        Self { of, text: reply.token, asked, since, expires_early, watch: None, disputed: None }
    }

    /// When it expires.
    pub(super) fn expires_at(&self) -> Timestamp {
        self.expires_early.unwrap_or(self.since.after(DAY))
    }

    /// Whether the retailer can still consent to it.
    pub(super) fn is_alive(&self, now: Timestamp) -> bool {
        !self.expires_at().is_over(now)
    }

    /// Its place among the consents, if it was used then.
    pub(super) const fn mark(&self, used_at: Option<Timestamp>) -> Mark {
        Mark(used_at, self.since, self.of)
    }

    pub(super) fn is_of(&self, request: &str) -> bool {
        self.of.id().as_str() == request
    }

    /// Since when the retailer's consent is awaited.
    pub(super) fn awaited_since(&self) -> Timestamp {
        self.watch().since()
    }

    fn watch(&self) -> PollTimer {
        self.watch.clone().unwrap_or(PollTimer::new(self.since))
    }

    /// When it is looked up: densely after a return, when it expires, and, if no reply settles it then, ever more seldom.
    fn schedule(&self, config: &Config) -> Lookups {
        let life = self.expires_at().as_millis().saturating_sub(self.awaited_since().as_millis());
        let life = Millis::new(u64::try_from(life).unwrap_or_default());
        let later = config.lookups.while_waiting_ms.iter().copied().filter(|span| *span > life);
        let waiting: Vec<_> = core::iter::once(life).chain(later).collect();
        Lookups { after_return_ms: config.lookups.after_return_ms.clone(), while_waiting_ms: Cow::Owned(waiting) }
    }

    /// Plans its next lookup, and a person's look for the end of the schedule.
    pub(super) fn plan(&self, cx: &mut Cx<'_>) {
        if self.disputed.is_some() {
            return;
        }
        let (watch, schedule) = (self.watch(), self.schedule(cx.config()));
        if let Some(due) = watch.next(&schedule) {
            cx.look_up_from(Call::RetrieveToken(self.text.clone()), due);
        }
        let end = watch.end(&schedule).unwrap_or(cx.now());
        cx.ask_at(Review::Unconfirmed, self.of.id().as_str(), end);
    }

    /// The retailer came back: it is looked up at once, and then ever more seldom.
    pub(super) fn returned(&mut self, now: Timestamp) {
        let mut watch = self.watch();
        watch.returned(now);
        self.watch = Some(watch);
    }

    /// A person waits on.
    pub(super) fn wait_on(&mut self, now: Timestamp) {
        self.watch = Some(PollTimer::new(now));
    }

    /// A lookup that was begun then settled nothing.
    pub(super) fn looked(&mut self, at: Timestamp) {
        let mut watch = self.watch();
        watch.looked(at);
        self.watch = Some(watch);
    }

    /// Where a used token shows something else than what was asked for: a pointer into the reply. `known` is the subscription
    /// that is known.
    pub(super) fn differs(
        &self,
        reply: &TokenSeen,
        account: &Account,
        known: Option<&SubscriptionId>,
        settings: &Settings,
    ) -> Option<&'static str> {
        let is_asked = |shown: Option<&String>, asked: Option<Digest>| {
            shown.zip(asked).is_none_or(|(shown, asked)| digest(shown) == asked)
        };
        let Asked { product, price, parts } = &self.asked;
        let (shown, application) = (&reply.subscription_id, reply.vend_application_id.as_deref());
        let is_known = self.of.0 == Kind::Create || shown.as_ref().zip(known).is_none_or(|(it, known)| it == known);
        match () {
            () if reply.token.as_ref().is_some_and(|shown| shown != self.text.as_str()) => Some("/token"),
            () if !account.is_of(reply.retailer_id.as_deref()) => Some("/retailer_id"),
            () if !is_same(account.application(settings), application) => Some("/vend_application_id"),
            () if !is_asked(reply.product_handle.as_ref(), *product) => Some("/product_handle"),
            () if !is_asked(reply.product_price_point_handle.as_ref(), *price) => Some("/product_price_point_handle"),
            () if !reply.components.as_deref().is_none_or(|shown| fits(parts, shown)) => Some("/components"),
            () if !is_known => Some("/subscription_id"),
            () => None,
        }
    }

    /// Whether a lookup that was begun then, and showed it unused, shows that it never will be: it had expired by then, and
    /// what a return asked for has been looked up.
    pub(super) fn is_over(&self, at: Timestamp, config: &Config) -> bool {
        let schedule = self.schedule(config);
        let dense =
            Lookups { while_waiting_ms: schedule.while_waiting_ms.iter().copied().take(1).collect(), ..schedule };
        !self.is_alive(at) && self.watch().next(&dense).is_none()
    }
}
