//! The refunds of a session: their statuses, and which of them our requests have made.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Payment;
use crate::flow::{Cause, Outcome, PollTimer};
use crate::id::TypedId;
use crate::id::{EffectId, Intent};
use crate::money::Cents;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::objects::{RefundObject, RefundStatus, SessionObject};
use crate::providers::flex::checkout::Cx;
use crate::providers::flex::ids::{CheckoutSessionId, RefundId};
use crate::providers::flex::names::Review;
use crate::providers::flex::sessions::Made;
use crate::time::Timestamp;

/// The most refunds of a session that are kept.
const REMEMBERED: usize = 32;

/// A person is asked about at most this many failed refunds one by one.
const ONE_BY_ONE: usize = 16;

/// A refund that Flex has shown.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexCheckoutRefund"))]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Refund {
    /// The id of the refund.
    pub(super) id: RefundId,
    /// The amount, in cents.
    pub(super) amount: Cents,
    /// The furthest status that Flex has shown.
    pub(super) status: RefundStatus,
    /// The intent of the request that has made the refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) intent: Option<Intent>,
    /// The amount that the request asked for in cents, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) requested: Option<Cents>,
    /// When Flex first showed the refund.
    pub(super) since: Timestamp,
}

impl Refund {
    /// A refund of which only the id is known.
    const fn named(id: RefundId, since: Timestamp) -> Self {
        Self {
            id,
            amount: Cents::ZERO,
            status: RefundStatus::Unknown(String::new()),
            intent: None,
            requested: None,
            since,
        }
    }

    /// Whether a person has named the refund, and Flex has not shown it. Its amount is the requested one.
    fn is_only_named(&self) -> bool {
        self.intent.is_some() && self.status == RefundStatus::Unknown(String::new())
    }

    /// Whether another request has made the refund.
    pub(super) fn is_of_another(&self, effect: &EffectId) -> bool {
        self.intent.as_ref().is_some_and(|intent| intent.as_str() != effect.intent())
    }
}

impl RefundStatus {
    /// The order of statuses. A refund that succeeded can still fail, but not the other way round.
    pub(in crate::providers::flex) const fn rank(&self) -> u8 {
        match self {
            Self::Unknown(_) => 0,
            Self::Pending => 1,
            Self::RequiresAction => 2,
            Self::Succeeded => 3,
            Self::Canceled => 4,
            Self::Failed => 5,
        }
    }
}

/// What a refund with a key of ours says about a request that is over.
pub(super) enum EchoedRefund {
    /// Nothing new.
    Known,
    /// The request has made another refund of the same amount.
    Twice,
    /// The request had ended as not done, but has made the refund.
    AfterAll,
}

/// A requested refund.
pub(super) struct RequestedRefund<'a> {
    /// The key that Flex returns, if the request carried one.
    pub(super) key: Option<&'a str>,
    /// The amount, in cents. It is 0 if only Flex knows it.
    pub(super) amount: Cents,
    /// When the request was first sent.
    pub(super) since: Timestamp,
    /// Whether no other open request can have made the same refund.
    pub(super) is_unrivaled: bool,
}

/// What a list of refunds says about a requested one.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum RefundMatch {
    /// These refunds belong to the request.
    Certain(Vec<RefundId>),
    /// These refunds may belong to the request. In the request's own reply, they do.
    Possible(Vec<RefundId>),
    /// No refund belongs to the request.
    None,
}

impl Payment {
    /// Which refunds a request has made: those that return its key, or else new ones of its amount.
    pub(super) fn matching(&self, requested: &RequestedRefund<'_>, list: &[RefundObject]) -> RefundMatch {
        let ids = |all: &[&RefundObject]| all.iter().map(|it| it.refund_id.clone()).collect();
        let echoed: Vec<_> =
            list.iter().filter(|it| it.echo.is_some() && it.echo.as_deref() == requested.key).collect();
        if !echoed.is_empty() {
            return RefundMatch::Certain(ids(&echoed));
        }
        let new: Vec<_> = list.iter().filter(|it| it.echo.is_none() && self.is_new(it, requested.since)).collect();
        let fitting: Vec<_> = new.iter().copied().filter(|it| it.amount == Some(requested.amount)).collect();
        let sum = new.iter().try_fold(Cents::ZERO, |sum, it| Some(sum.plus(it.amount?)));
        match (new.as_slice(), fitting.as_slice()) {
            ([], _) => RefundMatch::None,
            (_, [one]) if requested.is_unrivaled => RefundMatch::Certain(ids(&[one])),
            // A split cart is refunded in two parts.
            (all, []) if requested.is_unrivaled && sum == Some(requested.amount) => RefundMatch::Certain(ids(all)),
            (all, []) if requested.amount == Cents::ZERO => RefundMatch::Possible(ids(all)),
            (_, []) if sum.is_some() => RefundMatch::None,
            (_, some) => RefundMatch::Possible(ids(some)),
        }
    }

    /// Whether a refund is known to belong to a request of ours.
    pub(super) fn is_ours(&self, id: &RefundId) -> bool {
        self.refunds.iter().any(|it| it.id == *id && it.intent.is_some())
    }

    /// Whether the request may have made some of these refunds, if a clock is wrong.
    pub(super) fn may_have_refunded(&self, requested: &RequestedRefund<'_>, list: &[RefundObject]) -> bool {
        let is_doubtful = |it: &&RefundObject| {
            let made = Made::at(it.created_at, requested.since);
            it.echo.is_none() && made == Made::Doubtful && self.is_unknown_before(&it.refund_id, requested.since)
        };
        let mut doubtful = list.iter().filter(is_doubtful).peekable();
        doubtful.peek().is_some()
            && doubtful
                .try_fold(Cents::ZERO, |sum, it| Some(sum.plus(it.amount?)))
                .is_none_or(|sum| sum >= requested.amount)
    }

    /// Whether a refund is new since then, and no known request has made it.
    fn is_new(&self, object: &RefundObject, since: Timestamp) -> bool {
        self.is_unknown_before(&object.refund_id, since) && Made::at(object.created_at, since) == Made::Since
    }

    /// Whether Flex has not shown the refund before, and no known request has made it.
    fn is_unknown_before(&self, id: &RefundId, since: Timestamp) -> bool {
        let known = self.refunds.iter().find(|it| it.id == *id);
        known.is_none_or(|it| it.intent.is_none() && it.since >= since)
    }

    /// The part of Flex's refunded amount that no listed refund explains, in cents.
    pub(super) fn unlisted(object: &SessionObject) -> Cents {
        let listed = object.refunds.iter().flat_map(|it| &it.list).filter_map(|it| it.amount);
        object.amount_refunded.unwrap_or_default().minus(listed.fold(Cents::ZERO, Cents::plus))
    }

    /// Stores the refunds that a session shows.
    pub(super) fn note_refunds(&mut self, object: &SessionObject, cx: &mut Cx<'_>) {
        let now = cx.now();
        let refunds = object.refunds.iter().flat_map(|it| &it.list);
        refunds.clone().for_each(|it| self.check_named(it, cx));
        let failed: Vec<_> = refunds.filter(|it| self.update_refund(it, now)).map(|it| &it.refund_id).collect();
        match failed.as_slice() {
            // There are too many to ask about one by one, so the review is about the session.
            [_, rest @ ..] if rest.len() >= ONE_BY_ONE => {
                cx.ask(Review::RefundFailed, &object.checkout_session_id);
            }
            some => some.iter().for_each(|id| cx.ask(Review::RefundFailed, *id)),
        }
    }

    /// Stores a refund. If it has just failed, a person is asked about it.
    pub(super) fn note_refund(&mut self, object: &RefundObject, session: &CheckoutSessionId, cx: &mut Cx<'_>) {
        self.check_named(object, cx);
        if self.update_refund(object, cx.now()) {
            let failed = self.refunds.iter().filter(|it| it.status.is_reversed()).count();
            let of: TypedId = if failed > ONE_BY_ONE { session.into() } else { (&object.refund_id).into() };
            cx.ask(Review::RefundFailed, of);
        }
    }

    /// Flex shows the amount of a refund that a person has named. The shown amount counts.
    fn check_named(&mut self, object: &RefundObject, cx: &mut Cx<'_>) {
        let is_it = |it: &&mut Refund| it.id == object.refund_id && it.is_only_named();
        if let (Some(refund), Some(shown)) = (self.refunds.iter_mut().find(is_it), object.amount)
            && shown != refund.amount
        {
            refund.amount = shown;
            cx.ask(Review::RefundedOtherAmount, &refund.id);
        }
    }

    /// Asks a person if the refunds of a request are less than it has asked for.
    pub(super) fn check_refunded(&self, made: &[RefundId], requested_amount: Cents, cx: &mut Cx<'_>) {
        let amounts = self.refunds.iter().filter(|it| made.contains(&it.id)).map(|it| it.amount);
        if let Some(id) = made.first()
            && amounts.fold(Cents::ZERO, Cents::plus) < requested_amount
        {
            cx.ask(Review::RefundedOtherAmount, id);
        }
    }

    /// Stores a refund. Returns whether it has just failed.
    fn update_refund(&mut self, object: &RefundObject, now: Timestamp) -> bool {
        let mut failed = false;
        let index = match self.refunds.binary_search_by(|it| it.id.cmp(&object.refund_id)) {
            Ok(index) => index,
            Err(index) => {
                self.refunds.insert(index, Refund::named(object.refund_id.clone(), now));
                index
            }
        };
        let Some(refund) = self.refunds.get_mut(index) else { return failed };
        refund.amount = refund.amount.max(object.amount.unwrap_or_default());
        if let Some(status) = object.status.as_ref().filter(|status| status.rank() > refund.status.rank()) {
            refund.status = status.clone();
            failed = refund.status.is_reversed();
            if let Some(intent) = refund.intent.as_ref().filter(|_| failed) {
                self.returns.settle(intent.as_str(), Outcome::Failed(Cause::Declined));
            }
        }
        if self.refunds.len() > REMEMBERED {
            self.refunds.remove(0);
        }
        failed
    }

    /// A request has made these refunds, or one that Flex does not show. An intent whose refund has failed can be used
    /// again.
    pub(super) fn refund_made(&mut self, effect: &EffectId, made: &[RefundId]) {
        let Ok(intent) = Intent::parse(effect.intent()) else { return };
        let of_intent = self.refunds.iter().filter(|it| it.intent.as_ref() == Some(&intent));
        let known = of_intent.filter_map(|it| it.requested).max();
        let requested = self.refunding.amount(effect).filter(|amount| *amount > Cents::ZERO).or(known);
        let mut outcome = Outcome::Done;
        for refund in self.refunds.iter_mut().filter(|it| made.contains(&it.id)) {
            refund.intent = Some(intent.clone());
            refund.requested = refund.requested.or(requested);
            if refund.status.is_reversed() {
                outcome = Outcome::Failed(Cause::Declined);
            }
        }
        self.returns.settle(intent.as_str(), outcome);
        self.refunding.done(effect);
    }

    /// The refunds in a request's reply that exceed its amount. A split cart is refunded in two parts.
    pub(super) fn more_than_requested(&self, ids: &[RefundId], requested_amount: Cents) -> Vec<RefundId> {
        let amount = |id: &RefundId| self.refunds.iter().find(|it| it.id == *id).map_or(Cents::ZERO, |it| it.amount);
        let mut sum = Cents::ZERO;
        let surplus = ids.iter().filter(|id| {
            let before = sum;
            sum = sum.plus(amount(id));
            requested_amount != Cents::ZERO && before >= requested_amount
        });
        surplus.cloned().collect()
    }

    /// Applies a refund that returns the key of a request that is over.
    ///
    /// `is_retried` is whether the request has a new try, which only a failed request can have.
    pub(super) fn note_echo(&mut self, effect: &EffectId, object: &RefundObject, is_retried: bool) -> EchoedRefund {
        let Ok(intent) = Intent::parse(effect.intent()) else { return EchoedRefund::Known };
        let is_it = |it: &Refund| it.id == object.refund_id;
        let same = |it: &Refund| it.intent.as_ref() == Some(&intent) && !is_it(it) && !it.status.is_reversed();
        if self.refunds.iter().any(|it| is_it(it) && it.intent.is_some()) {
            return EchoedRefund::Known;
        }
        let others = || self.refunds.iter().filter(|it| same(it));
        let made = others().fold(object.amount.unwrap_or_default(), |sum, it| sum.plus(it.amount));
        let twice = match others().filter_map(|it| it.requested).max() {
            // A split cart is refunded in two parts.
            Some(requested) => made > requested,
            None => others().any(|it| Some(it.amount) == object.amount),
        };
        let failed = is_retried || self.returns.has_failed(&intent);
        self.refund_made(effect, core::slice::from_ref(&object.refund_id));
        match (twice, failed) {
            (true, _) => EchoedRefund::Twice,
            (false, true) => EchoedRefund::AfterAll,
            (false, false) => EchoedRefund::Known,
        }
    }

    /// Plans the next lookup of our pending refunds, and a review at the end of the schedule. A refund is done only
    /// when it has succeeded.
    pub(in super::super) fn plan(&mut self, session: &CheckoutSessionId, cx: &mut Cx<'_>) {
        let is_pending = |it: &Refund| it.intent.is_some() && it.status.rank() < RefundStatus::Succeeded.rank();
        if !self.refunds.iter().any(is_pending) {
            if self.settling.take().is_some() {
                cx.withdraw_review(Review::RefundPending, session.as_str());
            }
            return;
        }
        let timer = self.settling.get_or_insert_with(|| Box::new(PollTimer::new(cx.now())));
        if !timer.is_stopped() {
            cx.poll_then_ask(Call::RetrieveCheckoutSession(session.clone()), timer, Review::RefundPending, session);
        }
    }

    /// A request has made no refund.
    pub(super) fn refund_not_made(&mut self, effect: &EffectId, cause: Cause) {
        self.returns.settle(effect.intent(), Outcome::Failed(cause));
        self.refunding.failed(effect);
    }

    /// A person names the refund that a request has made.
    pub(super) fn refund_reviewed(&mut self, effect: &EffectId, id: RefundId, now: Timestamp) {
        let amount = self.refunding.amount(effect).unwrap_or_default();
        if let Err(index) = self.refunds.binary_search_by(|it| it.id.cmp(&id)) {
            self.refunds.insert(index, Refund { amount, ..Refund::named(id.clone(), now) });
        }
        self.refund_made(effect, &[id]);
    }
}
