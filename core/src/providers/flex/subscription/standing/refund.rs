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
use crate::providers::flex::subscription::Context;
use crate::providers::flex::wire::{DisputeSeen, DisputeStatus, Entries, RefundSeen, RefundStatus};
use crate::time::{Millis, Timestamp};

/// How much earlier than our request a refund may have been made by Flex's clock.
const SKEW: Millis = Millis::from_minutes(5);

/// How many refunds and disputes are remembered.
const REMEMBERED: usize = 128;

/// A refund that was asked for with an end, and is not confirmed.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexRefunding"))]
#[serde(deny_unknown_fields)]
pub(super) struct Refunding {
    /// How much, in cents, where it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amount: Option<Cents>,
    /// The payment that is given back, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payment: Option<String>,
    /// When the request was begun first.
    since: Timestamp,
    /// The wait for it.
    watch: Watch,
}

impl Refunding {
    pub(super) fn new(amount: Option<Cents>, payment: Option<&str>, since: Timestamp, now: Timestamp) -> Self {
        Self { amount, payment: payment.map(Into::into), since, watch: Watch::new(now) }
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

    /// Whether a refund is the one that was asked for.
    fn is_it(&self, seen: &RefundSeen) -> bool {
        let in_time = seen.created_at.is_none_or(|made| made.after(SKEW) >= self.since);
        let amount = self.amount.is_none() || seen.amount == self.amount;
        let stands = seen.status.as_ref().is_some_and(|it| it.is_known() && !it.is_reversed());
        in_time && amount && stands
    }
}

/// A refund or dispute that was told of, and whether the money stayed after all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexReturned"))]
pub(super) struct Returned(Digest, bool);

impl Standing {
    /// Whether a payment, invoice or subscription is this one's.
    fn is_of(&self, subscription: Option<&str>, invoice: Option<&str>, payment: Option<&str>) -> bool {
        let known = |id: &str| self.invoices.ids().any(|it| it == id);
        match subscription {
            Some(it) => it == self.id.as_str(),
            None => invoice.is_some_and(known) || payment.is_some_and(known),
        }
    }

    /// Whether a refund is of this subscription; `payment` says whether its session was paid with a payment.
    pub(in super::super) fn has_refund(&self, seen: &RefundSeen, payment: impl Fn(&str) -> bool) -> bool {
        let invoice = seen.invoice();
        self.is_of(seen.subscription(), invoice.as_ref().map(|it| it.as_str()), seen.payment_intent())
            || (seen.subscription().is_none() && seen.payment_intent().is_some_and(payment))
    }

    /// Whether a dispute is of this subscription.
    pub(in super::super) fn has_dispute(&self, seen: &DisputeSeen, payment: impl Fn(&str) -> bool) -> bool {
        let invoice = seen.invoice();
        self.is_of(seen.subscription(), invoice.as_ref().map(|it| it.as_str()), seen.payment_intent())
            || (seen.subscription().is_none() && seen.payment_intent().is_some_and(payment))
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
        } else if !self.is_over() || self.access.is_some_and(|until| !until.is_over(cx.now())) {
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
        payment: impl Fn(&str) -> bool,
        cx: &mut Context<'_>,
    ) {
        let all: Vec<_> = seen.list.iter().filter(|it| self.has_refund(it, &payment)).collect();
        if let (RefundsOf::PaymentIntent(payment), true) = (of, all.is_empty())
            && self.refunding.is_none()
        {
            // It was told that something was given back, and nothing shows by which refund.
            let _ = self.money_back("refunded", payment, false, cx);
        }
        for refund in all {
            let _ = self.refunded(refund, cx);
        }
        if let Some(refunding) = self.refunding.as_mut().filter(|it| it.look_up() == Call::ListRefunds(of.clone())) {
            refunding.watch.looked(cx.begun_at());
            refunding.plan(self.id.as_str(), cx);
        }
    }

    /// A person says what has become of a refund.
    pub(in super::super) fn judge_refund(&mut self, cx: &mut Context<'_>) {
        if let Some(refunding) = self.refunding.take() {
            let look_up = refunding.look_up();
            cx.withdraw(|call| *call == look_up);
        }
    }
}

fn fingerprint(of: &str) -> Digest {
    Digest::of([of.as_bytes()])
}
