//! The facet `payment`: what is known about the first charge, and the end of the paid period.

use serde::{Deserialize, Serialize};

use super::Cx;
use super::ledger::Ledger;
use super::status::{Status, SubscriptionState};
use crate::flow::{PollTimer, states};
use crate::providers::revup::api::calls::{Call, PAGE_SIZE};
use crate::providers::revup::api::payments::PaymentsReply;
use crate::providers::revup::ids::SubscriptionId;
use crate::providers::revup::names::Review;
use crate::time::Timestamp;

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
}

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
        if is_paid && !status.is_withheld() {
            cx.access(id, Some(end), end.after(cx.config().grace_ms));
        }
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
        status: &Status,
        ledger: &mut Ledger,
        cx: &mut Cx<'_>,
    ) -> bool {
        for made in reply.made() {
            ledger.note(made, true);
        }
        let unpaid_before = self.unpaid_before && page > 1;
        self.unpaid_before = reply.is_newest_unpaid().unwrap_or(unpaid_before);
        if !status.is_plainly_fulfilled() {
            self.stop_period_lookups(status.id(), cx);
            self.ask_after_end(reply, status, cx);
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

    /// The subscription is canceled, and no open renewal shows the end of a period any more. If another period was charged, a
    /// person says when it ends.
    fn ask_after_end(&self, reply: &PaymentsReply, status: &Status, cx: &mut Cx<'_>) {
        let is_over = status.state() == SubscriptionState::Cancelled;
        if let Some(id) = status.id().filter(|_| is_over && self.paid_until.is_some_and(|end| reply.pays_beyond(end))) {
            cx.ask(Review::NoPeriodEnd, id);
        }
    }

    /// Looks up once whether a canceled subscription was charged for a period whose end is not known.
    pub(super) fn look_up_after_end(id: &SubscriptionId, cx: &mut Cx<'_>) {
        cx.look_up(Call::RetrievePayments(id.clone(), 1));
    }

    /// Whether the last known period is over, and a lookup of the next one is due.
    pub(super) const fn is_renewal_open(&self) -> bool {
        self.period.is_some() && self.paid_until.is_some()
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
            self.extend(until, status, cx);
        }
    }
}
