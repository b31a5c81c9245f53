//! The facet `payment`: what is known about the first charge, and the end of the paid period.

use serde::{Deserialize, Serialize};

use super::Cx;
use super::ledger::Ledger;
use super::status::{Status, SubscriptionState};
use super::terms::Terms;
use crate::flow::{PollTimer, states};
use crate::id::Fingerprints;
use crate::providers::revup::api::calls::{Call, PAGE_SIZE};
use crate::providers::revup::api::payments::PaymentsReply;
use crate::providers::revup::ids::SubscriptionId;
use crate::providers::revup::names::Review;
use crate::time::{Millis, Timestamp};

states! {
    /// What is known about the first charge. The state only moves down this list.
    pub enum PaymentState ("RevupSubscriptionPaymentState") {
        /// Nothing is known about a first charge.
        Absent = "absent",
        /// Revup or the customer is making the first charge. It gives no access yet.
        Awaited = "awaited",
        /// The first charge failed, and its money was not taken. Revup does not try it again.
        Failed = "failed",
        /// The first charge succeeded, so the customer has paid.
        Accepted = "accepted",
    }
}

/// The first charge, and the paid period.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionPayment"))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Payment {
    /// What is known about the first charge.
    state: PaymentState,
    /// The end of the paid period.
    #[serde(skip_serializing_if = "Option::is_none")]
    paid_until: Option<Timestamp>,
    /// The wait for a lookup that shows the end of the paid period.
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<PollTimer>,
    /// Whether the newest charge on the last page of payments was not made.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    unpaid_before: bool,
    /// When a person ended access because of a dispute. Another paid period gives it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_ended_at: Option<Timestamp>,
    /// The payments that a person was asked about, because Revup took too many or another amount.
    #[serde(skip_serializing_if = "Fingerprints::is_empty")]
    odd_charges: Fingerprints,
}

/// How many payments that a person was asked about are remembered.
const REMEMBERED: usize = 16;

impl Payment {
    pub(super) const fn state(&self) -> PaymentState {
        self.state
    }

    pub(super) fn is_accepted(&self) -> bool {
        self.state == PaymentState::Accepted
    }

    /// The end of the paid period, unless it is over.
    pub(super) fn paid_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.paid_until.filter(|end| !end.is_over(now))
    }

    /// The end of the last paid period, over or not.
    pub(super) const fn last_paid_until(&self) -> Option<Timestamp> {
        self.paid_until
    }

    /// The wait for the first charge begins.
    pub(super) const fn wait_for_first(&mut self) {
        self.state = PaymentState::Awaited;
    }

    /// Evidence shows that the first charge failed. This changes nothing if the charge is known to have succeeded.
    pub(super) fn fail(&mut self) {
        self.state = self.state.max(PaymentState::Failed);
    }

    /// Evidence shows that the first charge succeeded.
    pub(super) fn accept(&mut self, status: &Status, cx: &mut Cx<'_>) {
        if status.state() == SubscriptionState::Archived && !self.is_accepted() {
            status.ask_about_contradiction(cx);
        }
        self.state = PaymentState::Accepted;
    }

    /// The customer has paid until the date of a renewal. Access lasts until then, plus the grace period of the config.
    pub(super) fn extend(&mut self, until: Timestamp, status: &Status, cx: &mut Cx<'_>) {
        if self.paid_until.is_none_or(|known| known < until) {
            if self.paid_until.is_some() {
                self.access_ended_at = None;
            }
            self.paid_until = Some(until);
            self.grant_access(status, cx);
        }
    }

    /// Grants access, if the subscription is paid for now and surely ours. A canceled one stays paid until its period ends.
    pub(super) fn grant_access(&self, status: &Status, cx: &mut Cx<'_>) {
        let (Some(id), Some(end)) = (status.id(), self.paid_until(cx.now())) else { return };
        let is_paid = match status.state() {
            SubscriptionState::Fulfilled => true,
            SubscriptionState::Cancelled => self.is_accepted(),
            _ => false,
        };
        if is_paid && !status.is_withheld() && self.access_ended_at.is_none() {
            cx.access(id, Some(end), end.after(cx.config().grace_ms));
        }
    }

    /// A person ends access because of a dispute, unless it has ended already.
    pub(super) fn end_access(&mut self, status: &Status, cx: &mut Cx<'_>) {
        let grace = cx.config().grace_ms;
        let is_over = self.paid_until.is_some_and(|end| end.after(grace).is_over(cx.now()));
        if let Some(id) = status.id().filter(|_| self.access_ended_at.is_none() && !is_over) {
            self.access_ended_at = Some(cx.now());
            cx.access(id, None, cx.now());
        }
    }

    /// When access ends or has ended, as far as a period was paid.
    pub(super) fn access_until(&self, grace: Millis) -> Option<Timestamp> {
        self.paid_until.map(|end| self.access_ended_at.unwrap_or_else(|| end.after(grace)))
    }

    /// Looks up the end of the paid period, unless it is known.
    pub(super) fn look_up_period(&mut self, status: &Status, cx: &mut Cx<'_>) {
        let is_known = self.paid_until(cx.now()).is_some();
        if status.state() == SubscriptionState::Fulfilled && !is_known && self.period.is_none() {
            let mut timer = PollTimer::new(cx.now());
            timer.returned(cx.now());
            self.period = Some(timer);
            self.schedule_lookup(status.id(), cx);
        }
    }

    /// Schedules the next lookup of the payments, and a review for the end of the schedule.
    fn schedule_lookup(&self, id: Option<&SubscriptionId>, cx: &mut Cx<'_>) {
        let (Some(id), Some(timer)) = (id, &self.period) else { return };
        cx.poll_then_ask(Call::RetrievePayments(id.clone(), 1), timer, Review::NoPeriodEnd, id);
    }

    /// The end of the paid period is no longer needed.
    pub(super) fn stop_period_lookups(&mut self, id: Option<&SubscriptionId>, cx: &mut Cx<'_>) {
        self.period = None;
        if let Some(id) = id {
            cx.withdraw_review(Review::NoPeriodEnd, id.as_str());
        }
    }

    /// A lookup shows a page of the payments: their amounts, and the end of the paid period if the state of the
    /// subscription is certain. Returns whether the end is known now.
    pub(super) fn on_payments(
        &mut self,
        reply: &PaymentsReply,
        page: u32,
        (status, terms): (&Status, &Terms),
        ledger: &mut Ledger,
        cx: &mut Cx<'_>,
    ) -> bool {
        for made in reply.made() {
            ledger.note(made, true);
        }
        self.ask_about_odd_charges(reply, terms, cx);
        let is_ended = status.state() == SubscriptionState::Cancelled;
        // That a subscription was canceled does not show that anything was paid.
        let unpaid_before = if page > 1 { self.unpaid_before } else { is_ended && !self.is_accepted() };
        self.unpaid_before = reply.is_newest_unpaid().unwrap_or(unpaid_before);
        if is_ended {
            self.on_payments_after_end(reply, page, unpaid_before, status, cx);
            return false;
        }
        if !status.is_plainly_fulfilled() {
            self.stop_period_lookups(status.id(), cx);
            return false;
        }
        match reply.paid_until(unpaid_before) {
            Some(until) if !until.is_over(cx.now()) => {
                self.stop_period_lookups(status.id(), cx);
                self.extend(until, status, cx);
                return true;
            }
            None if reply.has_page_after(page, PAGE_SIZE) => {
                if let Some(id) = status.id() {
                    cx.look_up(Call::RetrievePayments(id.clone(), page.saturating_add(1)));
                }
            }
            _ => self.on_no_period(status.id(), cx),
        }
        false
    }

    /// Revup has charged one period twice, or the first charge took another amount than requested. A person is asked once
    /// about each such payment.
    fn ask_about_odd_charges(&mut self, reply: &PaymentsReply, terms: &Terms, cx: &mut Cx<'_>) {
        let second = reply.charged_twice().into_iter().map(|it| (it, Review::ChargedTwice));
        let other = reply.first_made().filter(|(_, amount, currency)| terms.is_other_charge(*amount, *currency));
        for (transaction, review) in second.chain(other.map(|it| (it.0, Review::ChargedOtherAmount))) {
            if !self.odd_charges.has(transaction.as_str()) {
                self.odd_charges.add(transaction.as_str(), REMEMBERED);
                cx.ask(review, &transaction);
            }
        }
    }

    /// The subscription is canceled. The next renewal may still be listed, and shows the end of the period that was charged
    /// before it. If a period was charged whose end is not known, a person says when it ends.
    fn on_payments_after_end(
        &mut self,
        reply: &PaymentsReply,
        page: u32,
        unpaid_before: bool,
        status: &Status,
        cx: &mut Cx<'_>,
    ) {
        let Some(id) = status.id() else { return };
        let may_pay = |it: &Timestamp| self.state != PaymentState::Failed && !it.is_over(cx.now());
        let until = reply.paid_until_of_ended(unpaid_before).filter(may_pay);
        if let Some(until) = until.filter(|it| self.paid_until.is_none_or(|known| known < *it)) {
            self.stop_period_lookups(Some(id), cx);
            self.accept(status, cx);
            return self.extend(until, status, cx);
        }
        match reply.first_charge() {
            Some(true) if self.is_first_open() => self.state = PaymentState::Accepted,
            Some(false) if self.is_first_open() => self.fail(),
            _ => {}
        }
        let is_charged = match self.paid_until {
            Some(end) => reply.pays_beyond(end),
            None => self.is_accepted(),
        };
        if is_charged {
            self.stop_period_lookups(Some(id), cx);
            cx.ask(Review::NoPeriodEnd, id);
        } else if self.state != PaymentState::Failed && reply.has_page_after(page, PAGE_SIZE) {
            cx.look_up(Call::RetrievePayments(id.clone(), page.saturating_add(1)));
        } else if self.is_first_open() {
            self.on_no_period(Some(id), cx);
        } else {
            self.stop_period_lookups(Some(id), cx);
        }
    }

    /// Whether the first charge has no known result, and one is looked for.
    fn is_first_open(&self) -> bool {
        self.state == PaymentState::Awaited || self.state == PaymentState::Absent && self.period.is_some()
    }

    /// Whether the customer may have been charged for something whose end is not known: by the first charge, or by a
    /// renewal that was due.
    pub(super) fn may_be_charged(&self, now: Timestamp) -> bool {
        self.state != PaymentState::Failed && self.paid_until(now).is_none()
    }

    /// Looks up whether a canceled subscription was charged for a period whose end is not known: once, or until the first
    /// charge has an outcome.
    pub(super) fn look_up_after_end(&mut self, id: &SubscriptionId, cx: &mut Cx<'_>) {
        if self.state <= PaymentState::Awaited && self.period.is_none() {
            let mut timer = PollTimer::new(cx.now());
            timer.returned(cx.now());
            self.period = Some(timer);
            self.schedule_lookup(Some(id), cx);
        }
        cx.look_up(Call::RetrievePayments(id.clone(), 1));
    }

    /// A lookup of the payments does not show the end of the paid period, so the next one is scheduled.
    pub(super) fn on_no_period(&mut self, id: Option<&SubscriptionId>, cx: &mut Cx<'_>) {
        if let Some(timer) = &mut self.period {
            timer.looked(cx.leased_at());
            self.schedule_lookup(id, cx);
        }
    }

    /// A person names the end of the paid period, or says that nothing shows it.
    pub(super) fn attest_period(&mut self, until: Option<Timestamp>, status: &Status, cx: &mut Cx<'_>) {
        self.stop_period_lookups(status.id(), cx);
        cx.withdraw(Call::is_payments_lookup);
        if let Some(until) = until {
            // A paid period proves the first charge of a subscription that has ended since.
            if status.state() == SubscriptionState::Cancelled {
                self.accept(status, cx);
            }
            self.extend(until, status, cx);
        }
    }
}
