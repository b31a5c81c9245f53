//! The state of a subscription: how it stands, and the changes that wait for the retailer's consent.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Context;
use crate::flow::{Watch, brief};
use crate::id::{Digest, EffectId};
use crate::policy::{LookUps, Policy};
use crate::providers::vend::call::Call;
use crate::providers::vend::ids::{ConsentToken, SubscriptionId};
use crate::providers::vend::request::{Kind, Total, TokenRequest, digest};
use crate::providers::vend::wire::{DAY, State};
use crate::time::{Millis, Timestamp};

/// How many outstanding tokens are watched.
pub(super) const WATCHED: usize = 8;

/// How many used tokens, cancellations and totals are remembered.
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
    /// How many there are of each component, as far as the used tokens tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) totals: Vec<Total>,
    /// When the last change was made, by Vend's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) changed_at: Option<Timestamp>,
    /// The end of the first half hour, until it has been looked up after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) quiet_until: Option<Timestamp>,
    /// The seconds of the last cancellations that were told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) told: Vec<i64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
pub(super) const fn is_false(flag: &bool) -> bool {
    !*flag
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
    /// The retailer has cancelled it.
    Canceled,
    /// Its state is one that no document names, or there are several that live.
    Unclear,
}

/// A request for a token: which of the two, and the ordinal of its obligation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
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

/// A request for a token that is not answered.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "VendSubscriptionRequested"))]
#[serde(deny_unknown_fields)]
pub(super) struct Requested {
    /// The request.
    pub(super) of: RequestId,
    /// The fingerprint of all that it says.
    pub(super) content: Digest,
    /// The fingerprint of the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) product: Option<Digest>,
    /// The fingerprint of its price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) price: Option<Digest>,
    /// How many of each component.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) totals: Vec<Total>,
}

impl Requested {
    pub(super) fn new(of: RequestId, request: &TokenRequest) -> Self {
        let product = request.product_handle.as_deref().map(digest);
        let price = request.price_handle.as_deref().map(digest);
        Self { of, content: request.content(), product, price, totals: request.totals() }
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
    /// The fingerprint of the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) product: Option<Digest>,
    /// The fingerprint of its price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) price: Option<Digest>,
    /// How many of each component.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) totals: Vec<Total>,
    /// When it is dead, where that is not a day after it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dies_early: Option<Timestamp>,
    /// The wait for the retailer's consent.
    #[serde(with = "brief")]
    #[cfg_attr(feature = "schemas", schemars(with = "brief::Brief"))]
    pub(super) watch: Watch,
    /// What a look-up shows that it was used for, where that is something else: a person judges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) disputed: Option<Use>,
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

/// An end, unless it is a day after the beginning.
pub(super) fn dies_early(dies_at: Timestamp, watch: &Watch) -> Option<Timestamp> {
    Some(dies_at).filter(|it| *it != watch.since().after(DAY))
}

impl Token {
    /// The answer to a request, which dies at that instant.
    pub(super) fn new(requested: Requested, text: ConsentToken, watch: Watch, dies_at: Timestamp) -> Self {
        let Requested { of, product, price, totals, .. } = requested;
        let dies_early = dies_early(dies_at, &watch);
        Self { of, text, product, price, totals, dies_early, watch, disputed: None }
    }

    /// When it is dead.
    pub(super) fn dies_at(&self) -> Timestamp {
        self.dies_early.unwrap_or(self.watch.since().after(DAY))
    }

    /// The look-up when it dies.
    pub(super) fn last_look(&self) -> (Call, Timestamp) {
        (Call::RetrieveToken(self.text.clone()), self.dies_at())
    }

    /// Whether the retailer can still consent to it.
    pub(super) fn is_alive(&self, now: Timestamp) -> bool {
        !self.dies_at().is_over(now)
    }

    /// When it is looked up: densely after a return, when it dies, and, if no answer settles it then, ever more seldom.
    fn schedule(&self, policy: &Policy) -> LookUps {
        let life = self.dies_at().as_millis().saturating_sub(self.watch.since().as_millis());
        let life = Millis::new(u64::try_from(life).unwrap_or_default());
        let later = policy.look_ups.waiting.iter().copied().filter(|span| *span > life);
        let waiting: Vec<_> = core::iter::once(life).chain(later).collect();
        LookUps { returned: policy.look_ups.returned.clone(), waiting: Cow::Owned(waiting) }
    }

    /// Plans its next look-up, or has a person look once the schedule is over.
    pub(super) fn watch(&self, cx: &mut Context<'_>) {
        if self.disputed.is_some() {
            return;
        }
        match self.watch.next(&self.schedule(cx.policy())) {
            Some(at) => cx.look_up_from(Call::RetrieveToken(self.text.clone()), at),
            None => cx.review("unconfirmed", self.of.id().as_str(), &["used", "not_used", "keep_waiting"]),
        }
    }

    /// A look-up did not show it used. Whether it never will be is known from one that was sent after its death.
    pub(super) fn looked(&mut self, cx: &Context<'_>) -> bool {
        let schedule = self.schedule(cx.policy());
        if self.watch.next(&schedule).is_some_and(|due| due.is_over(cx.begun_at())) {
            self.watch.looked();
        }
        let dense = LookUps { waiting: schedule.waiting.iter().copied().take(1).collect(), ..schedule };
        !self.is_alive(cx.begun_at()) && self.watch.next(&dense).is_none()
    }

    /// A look-up was not answered. One that nobody answers at a token's death is soon tried again.
    pub(super) fn missed(&mut self, cx: &Context<'_>) {
        if self.watch.is_fresh() && !self.is_alive(cx.begun_at()) {
            self.watch.returned(cx.now());
        } else {
            let _ = self.looked(cx);
        }
    }
}

impl Subscription {
    /// The token that is offered: the newest that was issued, if its end is not known.
    pub(super) fn offered(&self, now: Timestamp) -> Option<&Token> {
        let newest = self.tokens.last().filter(|it| Some(&it.of) == self.newest.as_ref())?;
        let stale = newest.of.0 == Kind::Update && self.place == Place::Canceled;
        Some(newest).filter(|it| it.disputed.is_none() && it.is_alive(now) && !stale)
    }

    /// Whether a consent is awaited.
    pub(super) fn is_awaiting(&self) -> bool {
        self.tokens.iter().any(|it| it.disputed.is_none())
    }

    /// Remembers a token that must not be offered again.
    pub(super) fn spend(&mut self, token: &ConsentToken) {
        let spent = token.digest();
        if !self.spent.contains(&spent) {
            remember(&mut self.spent, spent);
        }
    }

    /// Takes in how many of each component a change has left, unless a later change is known already.
    pub(super) fn count(&mut self, token: &Token, at: Option<Timestamp>) {
        if at.is_some() && at < self.changed_at {
            return;
        }
        self.changed_at = at.max(self.changed_at);
        if token.product.is_some() {
            // What a move to another plan leaves of the components is not documented.
            self.totals.clear();
        }
        for (component, total) in &token.totals {
            self.totals.retain(|(have, _)| have != component);
            remember(&mut self.totals, (*component, *total));
        }
    }

    /// Notes a cancellation that was told.
    pub(super) fn note_told(&mut self, second: i64) {
        if !self.told.contains(&second) {
            remember(&mut self.told, second);
        }
    }
}

fn remember<T>(list: &mut Vec<T>, it: T) {
    if list.len() >= REMEMBERED {
        list.remove(0);
    }
    list.push(it);
}
