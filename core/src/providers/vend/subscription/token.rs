//! Requests for consent tokens, and the tokens whose end is not known: when each dies, and when it is looked up.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::state::Mark;
use super::Context;
use super::consent::UNCONFIRMED;
use crate::flow::Watch;
use crate::id::{Digest, EffectId};
use crate::policy::{LookUps, Policy};
use crate::providers::vend::call::Call;
use crate::providers::vend::components::Parts;
use crate::providers::vend::ids::{ConsentToken, SubscriptionId};
use crate::providers::vend::request::{Kind, TokenRequest, digest};
use crate::providers::vend::token::{DAY, TokenSeen};
use crate::time::{Millis, Timestamp};

/// A request for a token: which of the two, and the ordinal of its obligation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionRequestId"))]
pub(super) struct RequestId(pub(super) Kind, u32);

impl RequestId {
    /// The request whose obligation that is.
    pub(super) fn of(id: &EffectId) -> Option<Self> {
        let kind = [Kind::Create, Kind::Update].into_iter().find(|kind| kind.operation() == id.kind())?;
        Some(Self(kind, id.ordinal()?)).filter(|it| it.id() == *id)
    }

    /// Its obligation.
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
    /// When it is dead, where that is not a day after it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dies_early: Option<Timestamp>,
    /// The wait for the retailer's consent, once something has come of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    watch: Option<Watch>,
    /// What a look-up shows that it was used for, where that is something else: a person judges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) disputed: Option<Use>,
}

/// A token that was given up as unused: a look-up may show that it was used all the same.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionClosed"))]
#[serde(deny_unknown_fields)]
pub(super) struct Closed {
    /// The token.
    pub(super) token: Token,
    /// Whether a person gave it up.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(super) judged: bool,
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
    /// The answer to a request that was begun then, which dies at that instant.
    pub(super) fn new(requested: Requested, text: ConsentToken, since: Timestamp, dies_at: Timestamp) -> Self {
        let Requested { of, asked, .. } = requested;
        let dies_early = Some(dies_at).filter(|it| *it != since.after(DAY));
        Self { of, text, asked, since, dies_early, watch: None, disputed: None }
    }

    /// When it is dead.
    pub(super) fn dies_at(&self) -> Timestamp {
        self.dies_early.unwrap_or(self.since.after(DAY))
    }

    /// Whether the retailer can still consent to it.
    pub(super) fn is_alive(&self, now: Timestamp) -> bool {
        !self.dies_at().is_over(now)
    }

    /// Its place among the consents, if it was used then.
    pub(super) const fn mark(&self, used_at: Option<Timestamp>) -> Mark {
        Mark(used_at, self.since, self.of)
    }

    /// Since when the retailer's consent is awaited.
    pub(super) fn awaited_since(&self) -> Timestamp {
        self.watch().since()
    }

    fn watch(&self) -> Watch {
        self.watch.clone().unwrap_or(Watch::new(self.since))
    }

    /// When it is looked up: densely after a return, when it dies, and, if no answer settles it then, ever more seldom.
    fn schedule(&self, policy: &Policy) -> LookUps {
        let life = self.dies_at().as_millis().saturating_sub(self.awaited_since().as_millis());
        let life = Millis::new(u64::try_from(life).unwrap_or_default());
        let later = policy.look_ups.waiting.iter().copied().filter(|span| *span > life);
        let waiting: Vec<_> = core::iter::once(life).chain(later).collect();
        LookUps { returned: policy.look_ups.returned.clone(), waiting: Cow::Owned(waiting) }
    }

    /// Plans its next look-up, and a person's look for the end of the schedule.
    pub(super) fn plan(&self, cx: &mut Context<'_>) {
        if self.disputed.is_some() {
            return;
        }
        let (watch, schedule) = (self.watch(), self.schedule(cx.policy()));
        if let Some(due) = watch.next(&schedule) {
            cx.look_up_from(Call::RetrieveToken(self.text.clone()), due);
        }
        let end = watch.end(&schedule).unwrap_or(cx.now());
        cx.review_at(UNCONFIRMED, self.of.id().as_str(), &["used", "not_used", "keep_waiting"], end);
    }

    /// The retailer came back: it is looked up at once, and then ever more seldom.
    pub(super) fn returned(&mut self, now: Timestamp) {
        let mut watch = self.watch();
        watch.returned(now);
        self.watch = Some(watch);
    }

    /// A person waits on.
    pub(super) fn wait_on(&mut self, now: Timestamp) {
        self.watch = Some(Watch::new(now));
    }

    /// A look-up that was begun then settled nothing.
    pub(super) fn looked(&mut self, at: Timestamp) {
        let mut watch = self.watch();
        watch.looked(at);
        self.watch = Some(watch);
    }

    /// Whether a look-up that was begun then, and showed it unused, shows that it never will be: it was dead by then, and
    /// what a return asked for has been looked up.
    pub(super) fn is_over(&self, at: Timestamp, policy: &Policy) -> bool {
        let schedule = self.schedule(policy);
        let dense = LookUps { waiting: schedule.waiting.iter().copied().take(1).collect(), ..schedule };
        !self.is_alive(at) && self.watch().next(&dense).is_none()
    }
}
