//! Money that went back: with an end that was asked for, or by somebody else's hand.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Standing;
use crate::fact::Because;
use crate::flow::Watch;
use crate::id::Digest;
use crate::money::Cents;
use crate::providers::flex::call::{Call, RefundsOf};
use crate::providers::flex::ids::InvoiceId;
use crate::providers::flex::request::CancelSubscription;
use crate::providers::flex::subscription::Context;
use crate::providers::flex::wire::{ChargeSeen, DisputeSeen, DisputeStatus, Entries, RefundSeen, RefundStatus};
use crate::time::{Millis, Timestamp};

/// How much earlier than our request a refund may have been made by Flex's clock.
const SKEW: Millis = Millis::from_minutes(5);

/// What a cancellation calls everything that was paid.
const FULL: &str = "full";

/// How many refunds and disputes are remembered.
const REMEMBERED: usize = 128;

/// A refund that was asked for with an end, and is not confirmed.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexRefunding"))]
#[serde(deny_unknown_fields)]
pub(super) struct Refunding {
    /// How much, in cents, where it was said or is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<Cents>,
    /// Whether all that was paid is given back.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    full: bool,
    /// The payment that is given back, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payment: Option<String>,
    /// When the request was begun first.
    since: Timestamp,
    /// The wait for it.
    watch: Watch,
}

impl Refunding {
    /// What a cancellation gives back; `paid` is what was paid, and by which payment.
    pub(super) fn new(
        it: &CancelSubscription,
        paid: (Option<Cents>, Option<&str>),
        since: Timestamp,
        now: Timestamp,
    ) -> Self {
        let full = it.refund.as_deref() == Some(FULL);
        let amount = it.refund_amount.or(paid.0.filter(|_| full));
        Self { amount, full, payment: paid.1.map(Into::into), since, watch: Watch::new(now) }
    }

    fn look_up(&self) -> Call {
        Call::ListRefunds(self.payment.clone().map_or(RefundsOf::Any, RefundsOf::PaymentIntent))
    }

    pub(super) fn look(&self, cx: &mut Context<'_>) {
        cx.look_up(self.look_up());
    }

    pub(super) fn plan(&self, of: &str, cx: &mut Context<'_>) {
        cx.watch(self.look_up(), &self.watch, "refund_unconfirmed", of, &["refunded", "not_refunded"]);
    }

    /// Whether a refund is the one that was asked for. A cancellation has no member that comes back: what echoes a key was
    /// made by another request.
    fn is_it(&self, seen: &RefundSeen) -> bool {
        let in_time = seen.created_at.is_none_or(|made| made.after(SKEW) >= self.since);
        let amount = match self.amount {
            Some(_) => seen.amount == self.amount,
            // Of how much everything is, nobody knows here.
            None => !self.full && seen.amount.is_some_and(|it| it > Cents::ZERO),
        };
        let stands = seen.status.as_ref().is_some_and(|it| it.is_known() && !it.is_reversed());
        in_time && amount && stands && seen.echo.is_none()
    }
}

/// A refund or dispute that was told of, and whether the money stayed after all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexReturned"))]
pub(super) struct Returned(Digest, bool);

impl Standing {
    /// Whether money is of this subscription, or of an invoice, payment or session of it; `sold` are the session that has
    /// sold it and its payments.
    fn is_of(&self, subscription: Option<&str>, others: [Option<&str>; 3], sold: &[String]) -> bool {
        let known = |id: &str| self.invoices.ids().any(|it| it == id) || sold.iter().any(|it| it == id);
        match subscription {
            Some(it) => it == self.id.as_str(),
            None => others.into_iter().flatten().any(known),
        }
    }

    /// Whether a refund is of this subscription.
    pub(in super::super) fn has_refund(&self, seen: &RefundSeen, sold: &[String]) -> bool {
        let invoice = seen.invoice();
        let others = [invoice.as_ref().map(InvoiceId::as_str), seen.payment_intent(), seen.checkout_session()];
        self.is_of(seen.subscription(), others, sold)
    }

    /// Whether a dispute is of this subscription.
    pub(in super::super) fn has_dispute(&self, seen: &DisputeSeen, sold: &[String]) -> bool {
        let invoice = seen.invoice();
        let others = [invoice.as_ref().map(InvoiceId::as_str), seen.payment_intent(), seen.checkout_session()];
        self.is_of(seen.subscription(), others, sold)
    }

    /// Whether a charge is of this subscription.
    pub(in super::super) fn has_charge(&self, seen: &ChargeSeen, sold: &[String]) -> bool {
        let invoice = seen.invoice();
        self.is_of(None, [invoice.as_ref().map(InvoiceId::as_str), seen.payment_intent(), None], sold)
    }

    /// A refund of it was told of or found: what is asked for is confirmed by it, and any other is a person's to judge.
    pub(in super::super) fn refunded(&mut self, seen: &RefundSeen, cx: &mut Context<'_>) -> Result<(), Because> {
        let is_new = !self.returned.iter().any(|it| it.0 == fingerprint(seen.refund_id.as_str()));
        let is_asked = is_new && self.refunding.as_ref().is_some_and(|it| it.is_it(seen));
        if is_asked && let Some(refunding) = self.refunding.take() {
            let look_up = refunding.look_up();
            cx.withdraw(|call| *call == look_up);
            cx.withdraw_word("refund_unconfirmed", self.id.as_str());
            self.remember(seen.refund_id.as_str(), false);
            return Ok(());
        }
        let reversed = seen.status.as_ref().is_some_and(RefundStatus::is_reversed);
        self.money_back("refunded", seen.refund_id.as_str(), reversed, cx)
    }

    /// A payment of it is disputed: a person judges what becomes of access.
    pub(in super::super) fn disputed(&mut self, seen: &DisputeSeen, cx: &mut Context<'_>) -> Result<(), Because> {
        let won = seen.status == Some(DisputeStatus::Won);
        self.money_back("disputed", seen.dispute_id.as_str(), won, cx)
    }

    fn money_back(
        &mut self,
        reason: &'static str,
        of: &str,
        stays: bool,
        cx: &mut Context<'_>,
    ) -> Result<(), Because> {
        let before = self.returned.iter().find(|it| it.0 == fingerprint(of)).map(|it| it.1);
        if before.is_some_and(|it| it || !stays) {
            return Err(Because::Known);
        }
        self.remember(of, stays);
        if stays {
            cx.withdraw_word(reason, of);
        } else {
            cx.review(reason, of, &["keep_access", "end_access"]);
        }
        Ok(())
    }

    fn remember(&mut self, of: &str, stays: bool) {
        let of = fingerprint(of);
        self.returned.retain(|it| it.0 != of);
        self.returned.push(Returned(of, stays));
        if self.returned.len() > REMEMBERED {
            self.returned.remove(0);
        }
        self.returned.sort_unstable();
    }

    /// A list of refunds: it may show, and never denies.
    pub(in super::super) fn refunds_shown(
        &mut self,
        of: &RefundsOf,
        seen: &Entries<RefundSeen>,
        sold: &[String],
        cx: &mut Context<'_>,
    ) {
        let is_ours = |it: &&RefundSeen| it.test_mode.is_of(cx.settings(), self.test_mode) && self.has_refund(it, sold);
        let all: Vec<_> = seen.list.iter().filter(is_ours).collect();
        if let (RefundsOf::PaymentIntent(payment), true) = (of, all.is_empty())
            && self.refunding.is_none()
        {
            // It was told that something was given back, and nothing shows by which refund.
            let _ = self.money_back("refunded", payment, false, cx);
        }
        for refund in all {
            let _ = self.refunded(refund, cx);
        }
        let is_awaited = |it: &&mut Refunding| !it.watch.is_stopped() && it.look_up() == Call::ListRefunds(of.clone());
        if let Some(refunding) = self.refunding.as_mut().filter(is_awaited) {
            refunding.watch.looked(cx.begun_at());
            refunding.plan(self.id.as_str(), cx);
        }
    }

    /// A person says what has become of a refund. One that was made is no news when it is told.
    pub(in super::super) fn judge_refund(&mut self, made: bool, cx: &mut Context<'_>) {
        if let Some(mut refunding) = self.refunding.take() {
            let look_up = refunding.look_up();
            cx.withdraw(|call| *call == look_up);
            refunding.watch.stop();
            self.refunding = Some(refunding).filter(|_| made);
        }
    }
}

fn fingerprint(of: &str) -> Digest {
    Digest::of([of.as_bytes()])
}
