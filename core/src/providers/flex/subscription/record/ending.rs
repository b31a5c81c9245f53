//! Cancellation, at once or with the period, and what lookups show of it.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use super::SubscriptionRecord;
use super::period::PaidPeriod;
use super::refunds::ExpectedRefund;
use crate::flow::ToDo;
use crate::money::Cents;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::objects::{SubscriptionObject, SubscriptionStatus};
use crate::providers::flex::api::request::{CancelSubscription, UpdateEnd};
use crate::providers::flex::names::{Notice, Review};
use crate::providers::flex::rules::Rule;
use crate::providers::flex::subscription::{Cx, Rules};
use crate::time::{Millis, Timestamp};

/// How far before its period's end a subscription may end without being early.
pub(super) const EARLY: Millis = Millis::from_minutes(5);

/// A requested end whose outcome is unknown.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexEnding"))]
#[serde(rename_all = "snake_case")]
pub(super) enum Ending {
    /// At once.
    AtOnce(Box<CancelSubscription>),
    /// With the period if true. If false, the subscription runs on.
    WithPeriod(bool),
}

/// Checks the contents of a cancellation.
pub(in super::super) fn check(requested: &CancelSubscription, rules: &mut Rules<'_>) {
    rules.check(Rule::SubscriptionCancelExplicit, requested.cancel_at_period_end.is_some()).at("/cancel_at_period_end");
    let given = requested.refund_amount.is_none_or(|amount| requested.refunds() && amount > Cents::ZERO);
    rules.check(Rule::SubscriptionCancelRefund, given).at("/refund_amount");
    let at_once = !requested.refunds() || requested.cancel_at_period_end != Some(true);
    rules.check(Rule::SubscriptionCancelRefund, at_once).at("/refund");
    rules.check_extra::<CancelSubscription>(&requested.extra);
}

impl SubscriptionRecord {
    /// Whether the flag already has this value, or the newest request sets it.
    pub(in super::super) fn has_flag(&self, with_period: bool) -> bool {
        match &self.ending {
            Some(Ending::WithPeriod(requested)) => *requested == with_period,
            Some(Ending::AtOnce(_)) => false,
            None => {
                let is_shown = self.cancel_at_period_end == with_period && (with_period || !self.ends_at_instant());
                self.status.is_some() && !self.is_over() && is_shown
            }
        }
    }

    /// Whether the subscription is to end at an instant, which another party has set in place of the flag.
    pub(in super::super) fn ends_at_instant(&self) -> bool {
        !self.cancel_at_period_end && self.last_lookup.as_ref().is_some_and(|it| it.cancel_at.is_some())
    }

    /// Whether the same end is requested or set already.
    pub(in super::super) fn is_ending(&self, requested: &CancelSubscription) -> bool {
        let named = requested.subscription_id.as_ref().is_none_or(|id| *id == self.id);
        let plain = !requested.refunds() && requested.refund_amount.is_none() && requested.extra.is_empty();
        named
            && match (&self.ending, requested.cancel_at_period_end) {
                (_, Some(true)) => plain && self.has_flag(true),
                (Some(Ending::AtOnce(before)), _) => before.is_same_as(requested),
                _ => false,
            }
    }

    /// Whether an end is requested whose outcome is unknown.
    pub(super) const fn is_cancelling(&self) -> bool {
        matches!(self.ending, Some(Ending::AtOnce(_) | Ending::WithPeriod(true)))
    }

    /// Whether the newest request sets the flag to this value.
    pub(in super::super) fn is_flag_requested(&self, with_period: bool) -> bool {
        self.ending == Some(Ending::WithPeriod(with_period))
    }

    /// Requests an end at once.
    pub(in super::super) fn cancel(&mut self, requested: CancelSubscription, cx: &mut Cx<'_>) {
        self.drop_unsent_updates(cx);
        cx.withdraw_notice(Notice::CancellationRefused, self.id.as_str());
        cx.request(Call::CancelSubscription(self.id.clone(), requested.clone()));
        self.ending = Some(Ending::AtOnce(Box::new(requested)));
    }

    /// Requests a change of the flag.
    pub(in super::super) fn update(&mut self, requested: UpdateEnd, cx: &mut Cx<'_>) {
        self.drop_unsent_updates(cx);
        cx.withdraw_notice(Notice::CancellationRefused, self.id.as_str());
        self.asked_to_end |= requested.cancel_at_period_end;
        self.ending = Some(Ending::WithPeriod(requested.cancel_at_period_end));
        cx.request(Call::UpdateSubscription(self.id.clone(), requested));
    }

    fn drop_unsent_updates(&self, cx: &mut Cx<'_>) {
        cx.withdraw_unsent(|call| matches!(call, Call::UpdateSubscription(id, _) if *id == self.id));
    }

    /// Applies the reply that proves a change of the flag. It settles older changes too. A lookup follows when none of
    /// them can be in flight any more.
    pub(in super::super) fn updated(&mut self, requested: &UpdateEnd, object: &SubscriptionObject, cx: &mut Cx<'_>) {
        let of_this = |call: &Call| matches!(call, Call::UpdateSubscription(id, _) if *id == self.id);
        let newest = Some(Ending::WithPeriod(requested.cancel_at_period_end)) == self.ending;
        let lease = cx.pending(of_this).and_then(|it| it.lease);
        if newest {
            cx.withdraw(of_this);
            self.ending = None;
            self.asked_to_end = requested.cancel_at_period_end;
            self.cancel_at_period_end = requested.cancel_at_period_end && !self.is_over();
        }
        self.on_lookup(object, cx);
        if let Some(lease) = lease.filter(|end| !end.is_over(cx.now())) {
            cx.look_up_from(self.lookup_call(), lease);
        }
    }

    /// Settles the requests whose outcome a lookup shows.
    pub(in super::super) fn settle_requests(&mut self, call: &Call, object: &SubscriptionObject, cx: &mut Cx<'_>) {
        let id = self.id.clone();
        let leased_at = cx.leased_at();
        let update = |call: &Call| match call {
            Call::UpdateSubscription(of, it) if *of == id => Some(it.cancel_at_period_end),
            _ => None,
        };
        if object.cancel_at_period_end == Some(true) {
            cx.withdraw_notice(Notice::CancellationRefused, id.as_str());
        }
        if let Some(flag) = object.cancel_at_period_end {
            let reached = |call: &Call| match call {
                Call::UpdateSubscription(of, it) => *of == id && it.is_shown_by(object),
                _ => false,
            };
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
        self.tell_of_refusal(&denied, cx);
    }

    /// Flex did not do what a request about the end asks. The customer is charged further, so the host has to act.
    pub(in super::super) fn tell_of_refusal(&self, call: &Call, cx: &mut Cx<'_>) {
        let goes_on = match call {
            Call::CancelSubscription(..) => true,
            Call::UpdateSubscription(_, it) => it.cancel_at_period_end && !self.cancel_at_period_end,
            _ => false,
        };
        if goes_on && self.ending.is_none() && !self.is_over() {
            cx.notify(Notice::CancellationRefused, &self.id, ToDo::NOTHING);
        }
    }

    /// Clears the requested end, unless a newer request has replaced it.
    fn settle_request(&mut self, ending: Ending) {
        if self.ending.as_ref() == Some(&ending) {
            self.ending = None;
        }
    }

    /// Nothing came of a change of the flag. It is withdrawn if a newer change has replaced it.
    pub(in super::super) fn not_sent(&self, requested: &UpdateEnd, cx: &mut Cx<'_>) {
        if self.ending != Some(Ending::WithPeriod(requested.cancel_at_period_end)) {
            cx.withdraw(|call| matches!(call, Call::UpdateSubscription(id, of) if *id == self.id && of == requested));
        }
    }

    /// A request about the end has ended as not done. A lookup shows the status.
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

    /// A person says that a change of the flag was made. A later end that is earlier than requested needs a review.
    pub(in super::super) fn flag_attested(&mut self, requested: &UpdateEnd) {
        if self.ending.is_none() {
            self.asked_to_end = requested.cancel_at_period_end;
        }
    }

    /// Whether the subscription ends before the end that we have requested, or before the paid end of a period that a
    /// lookup has since shown as shorter.
    fn ends_early(&self, cx: &Cx<'_>) -> bool {
        let at_once = matches!(self.ending, Some(Ending::AtOnce(_)));
        let is_early =
            |it: &PaidPeriod| (self.asked_to_end || it.cut.is_some()) && cx.leased_at().after(EARLY) < it.span.end;
        !at_once && self.paid.as_ref().is_some_and(is_early)
    }

    /// Whether a lookup has shown this end before, so that a person was asked about it.
    fn was_shown(&self, cx: &Cx<'_>) -> bool {
        let cut = self.paid.as_ref().and_then(|it| it.cut);
        cut.is_some_and(|cut| cx.leased_at().after(EARLY) >= cut)
    }

    /// The subscription has ended. Its access ends, and nothing is waited for any more.
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
            // A person was asked already, and the verdict holds.
        } else if early {
            cx.ask(Review::EndedEarly, &self.id);
        } else if is_canceled || had_access {
            self.end_access(cx);
        }
    }

    /// The end proves a cancellation, but not the refund that was requested with it.
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

    /// Looks for the refund that was requested with the end.
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

    /// Withdraws all effects that only make sense while the subscription runs.
    fn withdraw_all(&mut self, cx: &mut Cx<'_>) {
        let id = self.id.clone();
        cx.withdraw(|call| match call {
            Call::RetrieveSubscription(of)
            | Call::ConfirmSubscription(of)
            | Call::UpdateSubscription(of, _)
            | Call::ChangeSubscription(of, _) => *of == id,
            Call::RetrieveInvoice(_) => true,
            _ => false,
        });
        self.end_pages(cx);
        for invoice in self.invoices.leave_failing() {
            cx.withdraw_notice(Notice::PaymentFailed, invoice.as_str());
        }
        cx.withdraw_all_about(&[Review::PaymentUnknown.as_str()], |_| true);
        cx.withdraw_notice(Notice::PastDue, id.as_str());
        cx.withdraw_notice(Notice::CancellationRefused, id.as_str());
        for review in [Review::NoSignal, Review::NoPeriod, Review::NotFound, Review::UnknownStatus] {
            cx.withdraw_review(review, id.as_str());
        }
        (self.last_lookup, self.attested, self.delivered, self.ending) = (None, None, None, None);
        (self.cancel_at_period_end, self.past_due, self.change) = (false, false, None);
    }
}
