//! Cancellation: with the period by the flag, or at once; and what a lookup says of either.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use super::SubscriptionRecord;
use super::period::Paid;
use super::refunds::ExpectedRefund;
use crate::money::Cents;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::objects::{SubscriptionObject, SubscriptionStatus};
use crate::providers::flex::api::request::{CancelSubscription, UpdateSubscription};
use crate::providers::flex::names::{Notice, Review};
use crate::providers::flex::rules::Rule;
use crate::providers::flex::subscription::{Cx, Rules};
use crate::time::{Millis, Timestamp};

/// How much earlier than its period a subscription may end that is to end with it.
pub(super) const EARLY: Millis = Millis::from_minutes(5);

/// An end that is asked for and not answered.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexEnding"))]
#[serde(rename_all = "snake_case")]
pub(super) enum Ending {
    /// At once.
    AtOnce(Box<CancelSubscription>),
    /// With the period, or not any more.
    WithPeriod(bool),
}

/// Checks what a cancellation says.
pub(in super::super) fn check(requested: &CancelSubscription, rules: &mut Rules<'_>) {
    rules.check(Rule::SubscriptionCancelExplicit, requested.cancel_at_period_end.is_some()).at("/cancel_at_period_end");
    let given = requested.refund_amount.is_none_or(|amount| requested.refunds() && amount > Cents::ZERO);
    rules.check(Rule::SubscriptionCancelRefund, given).at("/refund_amount");
    let at_once = !requested.refunds() || requested.cancel_at_period_end != Some(true);
    rules.check(Rule::SubscriptionCancelRefund, at_once).at("/refund");
    rules.check_extra::<CancelSubscription>(&requested.extra);
}

impl SubscriptionRecord {
    /// Whether it is asked for, or so already, that it ends with its period, or that it does not.
    pub(in super::super) fn is_to_end(&self, with_period: bool) -> bool {
        match &self.ending {
            Some(Ending::WithPeriod(requested)) => *requested == with_period,
            Some(Ending::AtOnce(_)) => false,
            None => self.status.is_some() && !self.is_over() && self.cancel_at_period_end == with_period,
        }
    }

    /// Whether the same end is asked for already, or is set.
    pub(in super::super) fn is_ending(&self, requested: &CancelSubscription) -> bool {
        let named = requested.subscription_id.as_ref().is_none_or(|id| *id == self.id);
        let plain = !requested.refunds() && requested.refund_amount.is_none() && requested.extra.is_empty();
        named
            && match (&self.ending, requested.cancel_at_period_end) {
                (_, Some(true)) => plain && self.is_to_end(true),
                (Some(Ending::AtOnce(before)), _) => before.is_same_as(requested),
                _ => false,
            }
    }

    /// Whether the newest change that is asked for is that of the flag to this.
    pub(in super::super) fn is_asked_to_end(&self, with_period: bool) -> bool {
        self.ending == Some(Ending::WithPeriod(with_period))
    }

    /// Asks for an end at once.
    pub(in super::super) fn cancel(&mut self, requested: CancelSubscription, cx: &mut Cx<'_>) {
        self.drop_unsent_updates(cx);
        cx.request(Call::CancelSubscription(self.id.clone(), requested.clone()));
        self.ending = Some(Ending::AtOnce(Box::new(requested)));
    }

    /// Asks that it ends with its period, or that it does not.
    pub(in super::super) fn update(&mut self, requested: UpdateSubscription, cx: &mut Cx<'_>) {
        self.drop_unsent_updates(cx);
        self.asked_to_end |= requested.cancel_at_period_end;
        self.ending = Some(Ending::WithPeriod(requested.cancel_at_period_end));
        cx.request(Call::UpdateSubscription(self.id.clone(), requested));
    }

    fn drop_unsent_updates(&self, cx: &mut Cx<'_>) {
        cx.withdraw_unsent(|call| matches!(call, Call::UpdateSubscription(id, _) if *id == self.id));
    }

    /// A reply proves the success of a change: older ones are settled by it, and looked up once they can be on their way
    /// no more.
    pub(in super::super) fn updated(
        &mut self,
        requested: &UpdateSubscription,
        object: &SubscriptionObject,
        cx: &mut Cx<'_>,
    ) {
        let of_this = |call: &Call| matches!(call, Call::UpdateSubscription(id, _) if *id == self.id);
        let newest = Some(Ending::WithPeriod(requested.cancel_at_period_end)) == self.ending;
        let lease = cx.pending(of_this).and_then(|it| it.lease);
        if newest {
            cx.withdraw(of_this);
            self.ending = None;
            self.asked_to_end = requested.cancel_at_period_end;
        }
        self.on_lookup(object, cx);
        if let Some(lease) = lease.filter(|end| !end.is_over(cx.now())) {
            cx.look_up_from(self.lookup_call(), lease);
        }
    }

    /// What a lookup says of the requests whose outcome is unknown.
    pub(in super::super) fn settle_requests(&mut self, call: &Call, object: &SubscriptionObject, cx: &mut Cx<'_>) {
        let id = self.id.clone();
        let leased_at = cx.leased_at();
        let update = |call: &Call| match call {
            Call::UpdateSubscription(of, it) if *of == id => Some(it.cancel_at_period_end),
            _ => None,
        };
        if let Some(flag) = object.cancel_at_period_end {
            let reached = |call: &Call| update(call) == Some(flag);
            if cx.pending(reached).is_some_and(|it| it.first_at.is_some_and(|first| leased_at >= first)) {
                cx.prove(reached, None);
                self.settle_request(Ending::WithPeriod(flag));
            }
        }
        let is_over = object.status.as_ref().is_some_and(SubscriptionStatus::is_over);
        if !matches!(call, Call::ConfirmSubscription(_)) || is_over {
            return;
        }
        let is_about_end =
            |call: &Call| update(call).is_some() || matches!(call, Call::CancelSubscription(of, _) if *of == id);
        let Some((_, denied)) = cx.deny(is_about_end) else { return };
        match &*denied {
            Call::CancelSubscription(..) => self.ending = None,
            Call::UpdateSubscription(_, it) => self.settle_request(Ending::WithPeriod(it.cancel_at_period_end)),
            _ => {}
        }
    }

    /// The outcome of a request is known; a newer one stays asked for.
    fn settle_request(&mut self, of: Ending) {
        if self.ending.as_ref() == Some(&of) {
            self.ending = None;
        }
    }

    /// Nothing has come of a change: it is not made any more where a newer one has taken its place.
    pub(in super::super) fn not_sent(&self, requested: &UpdateSubscription, cx: &mut Cx<'_>) {
        if self.ending != Some(Ending::WithPeriod(requested.cancel_at_period_end)) {
            cx.withdraw(|call| matches!(call, Call::UpdateSubscription(id, of) if *id == self.id && of == requested));
        }
    }

    /// A request about its end is over without having been done: the lookup shows its status.
    pub(in super::super) fn not_ended(&mut self, call: &Call, cx: &mut Cx<'_>) {
        match call {
            Call::UpdateSubscription(_, it) => self.settle_request(Ending::WithPeriod(it.cancel_at_period_end)),
            _ => self.ending = None,
        }
        let update = |call: &Call| matches!(call, Call::UpdateSubscription(id, _) if *id == self.id);
        if let (None, Some(Call::UpdateSubscription(_, it))) = (&self.ending, cx.pending(update).map(|it| it.call)) {
            self.ending = Some(Ending::WithPeriod(it.cancel_at_period_end));
        }
        self.asked_to_end = self.cancel_at_period_end || self.ending == Some(Ending::WithPeriod(true));
        self.look_up(cx);
    }

    /// Whether it ends before the instant at which we have asked that it ends, or before the paid end of a period of which
    /// a lookup has shown an earlier one.
    fn ends_early(&self, cx: &Cx<'_>) -> bool {
        let at_once = matches!(self.ending, Some(Ending::AtOnce(_)));
        let is_early = |it: &Paid| (self.asked_to_end || it.cut.is_some()) && cx.leased_at().after(EARLY) < it.span.end;
        !at_once && self.paid.as_ref().is_some_and(is_early)
    }

    /// Whether a lookup has shown this end before, so that a person was asked about it.
    fn was_shown(&self, cx: &Cx<'_>) -> bool {
        let cut = self.paid.as_ref().and_then(|it| it.cut);
        cut.is_some_and(|cut| cx.leased_at().after(EARLY) >= cut)
    }

    /// It has ended: access goes, and nothing is awaited any more.
    pub(in super::super) fn end(&mut self, status: SubscriptionStatus, cx: &mut Cx<'_>) {
        self.prove_cancellation(cx);
        let (early, was_shown) = (self.ends_early(cx), self.was_shown(cx));
        let had_access = self.access.is_some();
        let is_canceled = status == SubscriptionStatus::Canceled;
        self.withdraw_all(cx);
        self.since = cx.now();
        self.status = Some(status);
        self.ask_about_all_undelivered(cx);
        self.invoices.leave_session(self.sale.as_ref().is_none_or(|it| it.found));
        self.place_invoices(cx);
        if early && was_shown {
            // A person was asked already, and what was said stays.
        } else if early {
            cx.ask(Review::EndedEarly, self.id.as_str());
        } else if is_canceled || had_access {
            self.end_access(cx);
        }
    }

    /// The end shows that a cancellation was done, and says nothing of what was to be given back with it.
    fn prove_cancellation(&mut self, cx: &mut Cx<'_>) {
        let is_it = |call: &Call| matches!(call, Call::CancelSubscription(id, _) if *id == self.id);
        let sent = cx.pending(is_it).filter(|it| it.sent).and_then(|it| it.first_at);
        if let Some((_, call)) = cx.prove(is_it, None)
            && let Call::CancelSubscription(_, it) = &*call
            && let Some(since) = sent
        {
            self.ending.get_or_insert_with(|| Ending::AtOnce(Box::new(it.clone())));
            self.expect_refund(it, since, cx);
        }
    }

    /// Money is to be given back with the end.
    pub(in super::super) fn expect_refund(
        &mut self,
        requested: &CancelSubscription,
        since: Timestamp,
        cx: &mut Cx<'_>,
    ) {
        if requested.refunds() {
            let invoice = self.paid.as_ref().and_then(|it| self.invoices.find(it.invoice.as_ref()?));
            let paid = (invoice.and_then(|it| it.amount), invoice.and_then(|it| it.payment.as_deref()));
            let requested = ExpectedRefund::new(requested, paid, since, cx.now());
            self.refunds.expect(requested, &self.id, cx);
        }
    }

    /// Drops what is owed and awaited of it while it runs.
    fn withdraw_all(&mut self, cx: &mut Cx<'_>) {
        let id = self.id.clone();
        cx.withdraw(|call| match call {
            Call::RetrieveSubscription(of) | Call::ConfirmSubscription(of) | Call::UpdateSubscription(of, _) => {
                *of == id
            }
            Call::RetrieveInvoice(_) => true,
            _ => false,
        });
        for invoice in self.invoices.leave_failing() {
            cx.withdraw_notice(Notice::PaymentFailed, invoice.as_str());
        }
        cx.withdraw_all_about(&[Review::PaymentUnknown.as_str()], |_| true);
        cx.withdraw_notice(Notice::PastDue, id.as_str());
        for review in [Review::NoSignal, Review::NoPeriod, Review::NotFound, Review::UnknownStatus] {
            cx.withdraw_review(review, id.as_str());
        }
        (self.last_lookup, self.attested, self.delivered, self.ending) = (None, None, None, None);
        (self.cancel_at_period_end, self.past_due) = (false, false);
    }
}
