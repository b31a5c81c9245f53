//! Refunds and disputes of a subscription: those that a cancellation has requested, and those of other origin.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::SubscriptionRecord;
use super::reported::Reports;
use crate::fact::IgnoredReason;
use crate::flow::{Ask, PollTimer, Reviews};
use crate::id::Digest;
use crate::id::TypedId;
use crate::money::Cents;
use crate::providers::flex::api::calls::{Call, RefundsOf};
use crate::providers::flex::api::objects::{ChargeObject, DisputeObject, RefundObject, RefundStatus};
use crate::providers::flex::api::request::CancelSubscription;
use crate::providers::flex::ids::{InvoiceId, SubscriptionId};
use crate::providers::flex::names::{Review, Verdict};
use crate::providers::flex::subscription::Cx;
use crate::time::{Millis, Timestamp};

/// How far Flex's clock may be behind: a refund may seem to be created this long before our request.
const SKEW: Millis = Millis::from_minutes(5);

/// The value of `refund` that refunds everything that was paid.
const FULL: &str = "full";

/// The verdicts about what becomes of access.
pub(in super::super) const ACCESS: &[Verdict] = &[Verdict::KeepAccess, Verdict::EndAccess];

/// The most refunds and disputes that are kept.
const REMEMBERED: usize = 128;

/// A refund that a cancellation has requested, and that is not confirmed.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexRefunding"))]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedRefund {
    /// The amount in cents, if it was requested or is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<Cents>,
    /// Whether everything that was paid is refunded.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    full: bool,
    /// The payment that is refunded, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payment: Option<String>,
    /// When the request was first sent.
    since: Timestamp,
    /// The lookup schedule of the refund.
    watch: PollTimer,
}

impl ExpectedRefund {
    /// The refund that a cancellation requests. `paid` is the amount and the id of the payment.
    pub(super) fn new(
        it: &CancelSubscription,
        paid: (Option<Cents>, Option<&str>),
        since: Timestamp,
        now: Timestamp,
    ) -> Self {
        let full = it.refund.as_deref() == Some(FULL);
        let amount = it.refund_amount.or(paid.0.filter(|_| full));
        Self { amount, full, payment: paid.1.map(Into::into), since, watch: PollTimer::new(now) }
    }

    fn lookup_call(&self) -> Call {
        Call::ListRefunds(self.payment.clone().map_or(RefundsOf::Any, RefundsOf::PaymentIntent))
    }

    /// Plans the next lookup, and a review at the end of the schedule.
    fn plan(&self, subscription: &SubscriptionId, cx: &mut Cx<'_>) {
        cx.poll_then_ask(self.lookup_call(), &self.watch, Review::RefundUnconfirmed, subscription);
    }

    /// Whether a refund is the requested one. A cancellation has no metadata, so a refund that returns a key belongs to
    /// another request.
    fn matches(&self, object: &RefundObject) -> bool {
        let in_time = object.created_at.is_none_or(|made| made.after(SKEW) >= self.since);
        let amount = match self.amount {
            Some(_) => object.amount == self.amount,
            // A full refund whose amount is unknown matches nothing.
            None => !self.full && object.amount.is_some_and(|it| it > Cents::ZERO),
        };
        let is_made = object.status.as_ref().is_some_and(|it| it.is_known() && !it.is_reversed());
        in_time && amount && is_made && object.echo.is_none()
    }
}

/// A refund or dispute that Flex has shown, and whether the merchant kept the money after all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexReturned"))]
struct ReportedReturn(Digest, bool);

/// The refunds and disputes of a subscription.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexSubscriptionRefunds"))]
#[serde(deny_unknown_fields)]
pub(super) struct Refunds {
    /// The refund that the cancellation has requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requested: Option<ExpectedRefund>,
    /// The refund that has confirmed the requested one, unless it has failed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    confirmed: Option<(Digest, ExpectedRefund)>,
    /// The refunds and disputes that Flex has shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    returned: Vec<ReportedReturn>,
    /// The newest of them, for the status.
    #[serde(default, skip_serializing_if = "Reports::is_empty")]
    reports: Reports,
}

impl Refunds {
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// The newest refunds and disputes.
    pub(super) const fn reports_mut(&mut self) -> &mut Reports {
        &mut self.reports
    }

    /// The newest refunds and disputes.
    pub(super) const fn reports(&self) -> &Reports {
        &self.reports
    }

    /// The amount of the requested refund, if it is known and Flex has not shown the refund.
    pub(super) fn expected_amount(&self) -> Option<Cents> {
        self.requested.as_ref().filter(|it| !it.watch.is_stopped())?.amount
    }

    /// Looks for the refund that the cancellation has requested.
    pub(super) fn expect(&mut self, requested: ExpectedRefund, subscription: &SubscriptionId, cx: &mut Cx<'_>) {
        cx.look_up(requested.lookup_call());
        requested.plan(subscription, cx);
        self.requested = Some(requested);
    }

    /// Applies a refund. The requested refund is confirmed by it. A person decides about any other.
    fn on_refund(
        &mut self,
        object: &RefundObject,
        subscription: &SubscriptionId,
        cx: &mut Cx<'_>,
    ) -> Result<(), IgnoredReason> {
        let id = object.refund_id.as_str();
        let is_new = !self.returned.iter().any(|it| it.0 == fingerprint(id));
        if let Some(requested) = self.requested.take_if(|requested| is_new && requested.matches(object)) {
            let lookup = requested.lookup_call();
            cx.withdraw(|call| *call == lookup);
            cx.withdraw_review(Review::RefundUnconfirmed, subscription.as_str());
            self.remember(id, false);
            self.confirmed = Some((fingerprint(id), requested));
            return Ok(());
        }
        let reversed = object.status.as_ref().is_some_and(RefundStatus::is_reversed);
        if reversed && let Some((_, mut requested)) = self.confirmed.take_if(|it| it.0 == fingerprint(id)) {
            // A refund that has failed is no refund, so the requested one is unconfirmed again.
            if requested.watch.is_stopped() {
                requested.watch = PollTimer::new(cx.now());
            }
            self.expect(requested, subscription, cx);
        }
        self.note(Review::Refunded.only(ACCESS), (&object.refund_id).into(), reversed, cx)
    }

    /// Stores a refund or a dispute, and asks a person about it unless the merchant keeps the money.
    pub(super) fn note(
        &mut self,
        ask: Ask<Review>,
        about: TypedId,
        stays: bool,
        cx: &mut Cx<'_>,
    ) -> Result<(), IgnoredReason> {
        let id = about.as_str();
        let before = self.returned.iter().find(|it| it.0 == fingerprint(id)).map(|it| it.1);
        if before.is_some_and(|it| it || !stays) {
            return Err(IgnoredReason::Duplicate);
        }
        self.remember(id, stays);
        if stays {
            cx.withdraw_review(ask.review(), id);
        } else {
            cx.ask(ask, about);
        }
        Ok(())
    }

    fn remember(&mut self, id: &str, stays: bool) {
        let id = fingerprint(id);
        self.returned.retain(|it| it.0 != id);
        self.returned.push(ReportedReturn(id, stays));
        if self.returned.len() > REMEMBERED {
            self.returned.remove(0);
        }
        self.returned.sort_unstable();
    }

    /// Applies a list of refunds, of which these are the subscription's and were not requested by a refund of ours. A list
    /// proves a refund, but denies none. `unexplained` is whether no refund explains a refunded charge.
    fn on_list(
        &mut self,
        of: &RefundsOf,
        unexplained: bool,
        own: &[&RefundObject],
        subscription: &SubscriptionId,
        cx: &mut Cx<'_>,
    ) {
        if let (RefundsOf::PaymentIntent(payment), true, None) = (of, unexplained, &self.requested) {
            let _ = self.note(Review::Refunded.only(ACCESS), TypedId::new("payment_intent", payment), false, cx);
        }
        for refund in own {
            let _ = self.on_refund(refund, subscription, cx);
        }
        let is_expected_here =
            |it: &&mut ExpectedRefund| !it.watch.is_stopped() && it.lookup_call() == Call::ListRefunds(of.clone());
        if let Some(requested) = self.requested.as_mut().filter(is_expected_here) {
            requested.watch.looked(cx.leased_at());
            requested.plan(subscription, cx);
        }
    }

    /// A person says what has become of the requested refund. If it was made, a later webhook about it is not news.
    pub(super) fn reviewed(&mut self, made: bool, cx: &mut Cx<'_>) {
        if let Some(mut requested) = self.requested.take() {
            let lookup = requested.lookup_call();
            cx.withdraw(|call| *call == lookup);
            requested.watch.stop();
            self.requested = Some(requested).filter(|_| made);
        }
    }
}

impl SubscriptionRecord {
    /// Whether money belongs to this subscription, or to an invoice, a payment or a session of it. `sold_ids` are the
    /// session and its payments.
    fn is_of(&self, subscription: Option<&str>, others: [Option<&str>; 3], sold_ids: &[String]) -> bool {
        let known = |id: &str| self.invoices.ids().any(|it| it.as_str() == id) || sold_ids.iter().any(|it| it == id);
        match subscription {
            Some(id) => self.is(id),
            None => others.into_iter().flatten().any(known),
        }
    }

    /// Whether a refund belongs to this subscription.
    pub(in super::super) fn has_refund(&self, object: &RefundObject, sold_ids: &[String]) -> bool {
        let invoice = object.invoice();
        let others = [invoice.as_ref().map(InvoiceId::as_str), object.payment_intent(), object.checkout_session()];
        self.is_of(object.subscription(), others, sold_ids)
    }

    /// Whether a dispute belongs to this subscription.
    pub(in super::super) fn has_dispute(&self, object: &DisputeObject, sold_ids: &[String]) -> bool {
        let invoice = object.invoice();
        let others = [invoice.as_ref().map(InvoiceId::as_str), object.payment_intent(), object.checkout_session()];
        self.is_of(object.subscription(), others, sold_ids)
    }

    /// Whether a charge belongs to this subscription.
    pub(in super::super) fn has_charge(&self, object: &ChargeObject, sold_ids: &[String]) -> bool {
        let invoice = object.invoice();
        self.is_of(None, [invoice.as_ref().map(InvoiceId::as_str), object.payment_intent(), None], sold_ids)
    }

    /// Applies a webhook about a refund.
    pub(in super::super) fn on_refund(&mut self, object: &RefundObject, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        self.refunds.on_refund(object, &self.id, cx)
    }

    /// Applies a list of refunds, of which these are of this subscription.
    pub(in super::super) fn on_refund_list(
        &mut self,
        of: &RefundsOf,
        unexplained: bool,
        own: &[&RefundObject],
        cx: &mut Cx<'_>,
    ) {
        self.refunds.on_list(of, unexplained, own, &self.id, cx);
    }

    /// Whether the refund was noted before.
    pub(in super::super) fn knows_refund(&self, object: &RefundObject) -> bool {
        self.refunds.returned.iter().any(|it| it.0 == fingerprint(object.refund_id.as_str()))
    }

    /// Whether a refund that the cancellation has requested is awaited.
    pub(in super::super) fn awaits_refund(&self) -> bool {
        self.refunds.requested.as_ref().is_some_and(|it| !it.watch.is_stopped())
    }

    /// Whether a cancellation has requested a refund of this payment that Flex has not shown. Without a payment, any
    /// such refund counts.
    pub(in super::super) fn is_refund_expected(&self, payment: Option<&str>) -> bool {
        let is_of = |it: &ExpectedRefund| payment.is_none() || it.payment.is_none() || it.payment.as_deref() == payment;
        self.refunds.requested.as_ref().is_some_and(is_of)
    }

    /// The amount of a payment that a person has called refunded, and that Flex has not shown. Without a known amount it
    /// is everything.
    pub(in super::super) fn claimed(&self, payment: &str, paid: Cents) -> Cents {
        let is_of = |it: &&ExpectedRefund| it.payment.as_deref().is_none_or(|of| of == payment);
        let claimed = self.refunds.requested.as_ref().filter(|it| it.watch.is_stopped()).filter(is_of);
        claimed.map_or(Cents::ZERO, |it| it.amount.unwrap_or(paid))
    }

    /// Whether a payment belongs to an invoice or to the session of this subscription.
    pub(in super::super) fn has_payment(&self, payment: &str, sold_ids: &[String]) -> bool {
        self.is_of(None, [Some(payment), None, None], sold_ids)
    }

    /// Whether a payment of some invoice is known.
    pub(in super::super) fn has_payments(&self) -> bool {
        self.invoices.ids().any(|it| it.kind() == "payment_intent")
    }
}

fn fingerprint(id: &str) -> Digest {
    Digest::of([id.as_bytes()])
}
