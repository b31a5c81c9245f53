//! Cancellation: with the period by the flag, or at once; and what a lookup says of either.

use alloc::boxed::Box;

use serde::{Deserialize, Serialize};

use super::Standing;
use super::period::Paid;
use super::refund::Refunding;
use crate::money::Cents;
use crate::providers::flex::call::Call;
use crate::providers::flex::request::{CancelSubscription, UpdateSubscription};
use crate::providers::flex::rules::Rule;
use crate::providers::flex::subscription::{Context, Rules};
use crate::providers::flex::wire::{SubscriptionSeen, SubscriptionStatus};
use crate::time::Millis;

/// How much earlier than its period a subscription may end that is to end with it.
pub(super) const EARLY: Millis = Millis::from_minutes(5);

/// An end that is asked for and not answered.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexEnding"))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ending {
    /// At once.
    AtOnce(Box<CancelSubscription>),
    /// With the period, or not any more.
    WithPeriod(bool),
}

/// Checks what a cancellation says.
pub(in super::super) fn check(it: &CancelSubscription, rules: &mut Rules<'_>) {
    rules.check(Rule::SubscriptionCancelExplicit, it.cancel_at_period_end.is_some()).at("/cancel_at_period_end");
    let given = it.refund_amount.is_none_or(|amount| it.refunds() && amount > Cents::ZERO);
    rules.check(Rule::SubscriptionCancelRefund, given).at("/refund_amount");
    let at_once = !it.refunds() || it.cancel_at_period_end != Some(true);
    rules.check(Rule::SubscriptionCancelRefund, at_once).at("/refund");
    rules.check_extra::<CancelSubscription>(&it.extra);
}

impl Standing {
    /// Whether it is asked for, or so already, that it ends with its period, or that it does not.
    pub(in super::super) fn is_to_end(&self, with_period: bool) -> bool {
        match &self.ending {
            Some(Ending::WithPeriod(asked)) => *asked == with_period,
            Some(Ending::AtOnce(_)) => false,
            None => self.status.is_some() && !self.is_over() && self.cancel_at_period_end == with_period,
        }
    }

    /// Asks for an end at once.
    pub(in super::super) fn cancel(&mut self, it: CancelSubscription, cx: &mut Context<'_>) {
        self.drop_unsent_updates(cx);
        cx.owe(Call::CancelSubscription(self.id.clone(), it.clone()));
        self.ending = Some(Ending::AtOnce(Box::new(it)));
    }

    /// Asks that it ends with its period, or that it does not.
    pub(in super::super) fn update(&mut self, it: UpdateSubscription, cx: &mut Context<'_>) {
        self.drop_unsent_updates(cx);
        self.asked_to_end |= it.cancel_at_period_end;
        self.ending = Some(Ending::WithPeriod(it.cancel_at_period_end));
        cx.owe(Call::UpdateSubscription(self.id.clone(), it));
    }

    fn drop_unsent_updates(&self, cx: &mut Context<'_>) {
        cx.withdraw_unsent(|call| matches!(call, Call::UpdateSubscription(id, _) if *id == self.id));
    }

    /// A reply proves the success of a change: older ones are settled by it, and looked up once they can be on their way
    /// no more.
    pub(in super::super) fn updated(&mut self, it: &UpdateSubscription, seen: &SubscriptionSeen, cx: &mut Context<'_>) {
        let of_this = |call: &Call| matches!(call, Call::UpdateSubscription(id, _) if *id == self.id);
        let newest = Some(Ending::WithPeriod(it.cancel_at_period_end)) == self.ending;
        let lease = cx.owed(of_this).and_then(|it| it.lease);
        if newest {
            cx.withdraw(of_this);
            self.ending = None;
            self.asked_to_end = it.cancel_at_period_end;
        }
        self.shown(seen, cx);
        if let Some(lease) = lease.filter(|end| !end.is_over(cx.now())) {
            cx.look_up_from(self.look_up(), lease);
        }
    }

    /// What a lookup says of the requests whose outcome is unknown.
    pub(in super::super) fn tell_outcomes(&mut self, call: &Call, seen: &SubscriptionSeen, cx: &mut Context<'_>) {
        let id = self.id.clone();
        let looked = cx.begun_at();
        let update = |call: &Call| match call {
            Call::UpdateSubscription(of, it) if *of == id => Some(it.cancel_at_period_end),
            _ => None,
        };
        if let Some(flag) = seen.cancel_at_period_end {
            let reached = |call: &Call| update(call) == Some(flag);
            if cx.owed(reached).is_some_and(|it| it.first_at.is_some_and(|first| looked >= first)) {
                cx.prove(reached, None);
                self.told_outcome(Ending::WithPeriod(flag));
            }
        }
        let is_over = seen.status.as_ref().is_some_and(SubscriptionStatus::is_over);
        if !matches!(call, Call::ConfirmSubscription(_)) || is_over {
            return;
        }
        let asked = |call: &Call| update(call).is_some() || matches!(call, Call::CancelSubscription(of, _) if *of == id);
        let Some((_, denied)) = cx.deny(asked) else { return };
        match &*denied {
            Call::CancelSubscription(..) => self.ending = None,
            Call::UpdateSubscription(_, it) => self.told_outcome(Ending::WithPeriod(it.cancel_at_period_end)),
            _ => {}
        }
    }

    /// The outcome of a request is known; a newer one stays asked for.
    fn told_outcome(&mut self, of: Ending) {
        if self.ending.as_ref() == Some(&of) {
            self.ending = None;
        }
    }

    /// Nothing has come of a change: it is not made any more where a newer one has taken its place.
    pub(in super::super) fn not_sent(&self, it: &UpdateSubscription, cx: &mut Context<'_>) {
        if self.ending != Some(Ending::WithPeriod(it.cancel_at_period_end)) {
            cx.withdraw(|call| matches!(call, Call::UpdateSubscription(id, of) if *id == self.id && of == it));
        }
    }

    /// A request about its end is over without having been done: the lookup tells how it stands.
    pub(in super::super) fn not_ended(&mut self, call: &Call, cx: &mut Context<'_>) {
        match call {
            Call::UpdateSubscription(_, it) => self.told_outcome(Ending::WithPeriod(it.cancel_at_period_end)),
            _ => self.ending = None,
        }
        let update = |call: &Call| matches!(call, Call::UpdateSubscription(id, _) if *id == self.id);
        if let (None, Some(Call::UpdateSubscription(_, it))) = (&self.ending, cx.owed(update).map(|it| it.call)) {
            self.ending = Some(Ending::WithPeriod(it.cancel_at_period_end));
        }
        self.asked_to_end = self.cancel_at_period_end || self.ending == Some(Ending::WithPeriod(true));
        self.look(cx);
    }

    /// Whether it ends before the instant at which we have asked that it ends, or before the paid end of a period of which
    /// a lookup has shown an earlier one.
    fn ends_early(&self, cx: &Context<'_>) -> bool {
        let at_once = matches!(self.ending, Some(Ending::AtOnce(_)));
        let is_early = |it: &Paid| (self.asked_to_end || it.cut.is_some()) && cx.begun_at().after(EARLY) < it.span.end;
        !at_once && self.paid.as_ref().is_some_and(is_early)
    }

    /// Whether a lookup has shown this end before, so that a person was asked about it.
    fn was_shown(&self, cx: &Context<'_>) -> bool {
        let cut = self.paid.as_ref().and_then(|it| it.cut);
        cut.is_some_and(|cut| cx.begun_at().after(EARLY) >= cut)
    }

    /// It has ended: access goes, and nothing is awaited any more.
    pub(in super::super) fn end(&mut self, status: SubscriptionStatus, cx: &mut Context<'_>) {
        self.prove_cancellation(cx);
        let (early, was_shown) = (self.ends_early(cx), self.was_shown(cx));
        let had_access = self.access.is_some();
        let is_canceled = status == SubscriptionStatus::Canceled;
        self.drop_all(cx);
        self.since = cx.now();
        self.status = Some(status);
        self.leave_undelivered(cx);
        self.invoices.leave_session(self.sale.as_ref().is_none_or(|it| it.found));
        self.place_invoices(cx);
        if early && was_shown {
            // A person was asked already, and what was said stays.
        } else if early {
            cx.review("ended_early", self.id.as_str(), &["keep_access", "end_access"]);
        } else if is_canceled || had_access {
            self.end_access(cx);
        }
    }

    /// The end shows that a cancellation was done, and says nothing of what was to be given back with it.
    fn prove_cancellation(&mut self, cx: &mut Context<'_>) {
        let is_it = |call: &Call| matches!(call, Call::CancelSubscription(id, _) if *id == self.id);
        let sent = cx.owed(is_it).filter(|it| it.sent).and_then(|it| it.first_at);
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
        it: &CancelSubscription,
        since: crate::time::Timestamp,
        cx: &mut Context<'_>,
    ) {
        if it.refunds() {
            let invoice = self.paid.as_ref().and_then(|it| self.invoices.find(it.invoice.as_ref()?));
            let paid = (invoice.and_then(|it| it.amount), invoice.and_then(|it| it.payment.as_deref()));
            let refunding = Refunding::new(it, paid, since, cx.now());
            refunding.look(cx);
            refunding.plan(self.id.as_str(), cx);
            self.refunding = Some(refunding);
        }
    }

    /// Drops what is owed and awaited of it while it runs.
    fn drop_all(&mut self, cx: &mut Context<'_>) {
        let id = self.id.clone();
        cx.withdraw(|call| match call {
            Call::RetrieveSubscription(of) | Call::ConfirmSubscription(of) | Call::UpdateSubscription(of, _) => *of == id,
            Call::RetrieveInvoice(_) => true,
            _ => false,
        });
        for invoice in self.invoices.leave_failing() {
            cx.withdraw_word("payment_failed", invoice.as_str());
        }
        cx.withdraw_words(&["payment_unknown"], |_| true);
        let reasons = ["past_due", "no_signal", "no_period", "not_found", "unknown_status"];
        cx.withdraw_words(&reasons, |of| of == id.as_str());
        (self.shown, self.attested, self.delivered, self.ending) = (None, None, None, None);
        (self.cancel_at_period_end, self.past_due) = (false, false);
    }
}
