//! The facet `payment`: what is known of the first charge, and until when the customer has paid.

use serde::{Deserialize, Serialize};

use super::Cx;
use super::ledger::Ledger;
use super::status::{Status, SubscriptionState};
use crate::flow::{PollTimer, states};
use crate::providers::revup::api::calls::{Call, PAGE_SIZE};
use crate::providers::revup::api::payments::PaymentsSeen;
use crate::providers::revup::ids::SubscriptionId;
use crate::providers::revup::names::Review;
use crate::time::Timestamp;

states! {
    /// What is known of the first charge; what is known only moves down this list.
    pub enum PaymentState ("RevupSubscriptionPaymentState") {
        /// Nothing is known of a first charge.
        #[default]
        Absent = "absent",
        /// Revup makes the first charge, or the customer does in the form.
        Awaited = "awaited",
        /// The first charge failed.
        Failed = "failed",
        /// The first charge succeeded.
        Accepted = "accepted",
    }
}

/// The first charge, and the period that is paid.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionPayment"))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Payment {
    /// What is known of the first charge.
    state: PaymentState,
    /// Until when the customer has paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    paid_until: Option<Timestamp>,
    /// The wait for the lookup that tells until when the customer has paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<PollTimer>,
    /// Whether the newest charge on the page of the payments that was read last was not made.
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

    /// Until when the customer has paid, unless that is over.
    pub(super) fn paid_from(&self, now: Timestamp) -> Option<Timestamp> {
        self.paid_until.filter(|end| !end.is_over(now))
    }

    /// The first charge is waited for.
    pub(super) const fn await_first(&mut self) {
        self.state = PaymentState::Awaited;
    }

    /// The first charge failed, by evidence, unless it is known to have succeeded.
    pub(super) fn fail(&mut self) {
        self.state = self.state.max(PaymentState::Failed);
    }

    /// The first charge succeeded, by evidence.
    pub(super) fn accept(&mut self, status: &Status, cx: &mut Cx<'_>) {
        if status.state() == SubscriptionState::Archived && !self.is_accepted() {
            status.contradict(cx);
        }
        self.state = PaymentState::Accepted;
    }

    /// The customer has paid until an instant, by a renewal's date: access lasts so long, and the policy's grace.
    pub(super) fn paid(&mut self, until: Timestamp, status: &Status, cx: &mut Cx<'_>) {
        if self.paid_until.is_none_or(|known| known < until) {
            self.paid_until = Some(until);
            self.grant(status, cx);
        }
    }

    /// Owes access, where the subscription is paid for now and is ours beyond doubt.
    pub(super) fn grant(&self, status: &Status, cx: &mut Cx<'_>) {
        let (Some(id), Some(end)) = (status.id(), self.paid_from(cx.now())) else { return };
        if status.state() == SubscriptionState::Fulfilled && !status.is_withheld() {
            cx.access(id.as_str(), end.after(cx.config().grace_ms));
        }
    }

    /// Looks up until when the customer has paid, unless that is known.
    pub(super) fn measure(&mut self, status: &Status, cx: &mut Cx<'_>) {
        let is_known = self.paid_from(cx.now()).is_some();
        if status.state() == SubscriptionState::Fulfilled && !is_known && self.period.is_none() {
            let mut watch = PollTimer::new(cx.now());
            watch.returned(cx.now());
            self.period = Some(watch);
            self.plan(status.id(), cx);
        }
    }

    /// Plans the next lookup of the payments, and asks a person at the end of the schedule.
    fn plan(&self, id: Option<&SubscriptionId>, cx: &mut Cx<'_>) {
        let (Some(id), Some(watch)) = (id, &self.period) else { return };
        cx.poll_then_ask(Call::RetrievePayments(id.clone(), 1), watch, Review::NoPeriodEnd, id.as_str());
    }

    /// Nobody needs to know the end of the period any more.
    pub(super) fn stop_measuring(&mut self, id: Option<&SubscriptionId>, cx: &mut Cx<'_>) {
        self.period = None;
        if let Some(id) = id {
            cx.withdraw_review(Review::NoPeriodEnd, id.as_str());
        }
    }

    /// A lookup shows a page of the payments: how much each was, and until when the customer has paid, unless the state of
    /// the subscription is in doubt. Says whether the end of the period is known now.
    pub(super) fn read(
        &mut self,
        reply: &PaymentsSeen,
        page: u32,
        status: &Status,
        ledger: &mut Ledger,
        cx: &mut Cx<'_>,
    ) -> bool {
        for made in reply.made() {
            ledger.note(made, true);
        }
        let unpaid_before = self.unpaid_before && page > 1;
        self.unpaid_before = reply.ends_unpaid().unwrap_or(unpaid_before);
        if !status.is_plainly_fulfilled() {
            self.stop_measuring(status.id(), cx);
            return false;
        }
        match reply.paid_until(unpaid_before) {
            Some(until) if !until.is_over(cx.now()) => {
                self.stop_measuring(status.id(), cx);
                self.paid(until, status, cx);
                return true;
            }
            None if reply.goes_on_after(page, PAGE_SIZE) => {
                if let Some(id) = status.id() {
                    cx.look_up(Call::RetrievePayments(id.clone(), page.saturating_add(1)));
                }
            }
            _ => self.unmeasured(status.id(), cx),
        }
        false
    }

    /// A lookup of the payments shows no end of the period: the next one is planned.
    pub(super) fn unmeasured(&mut self, id: Option<&SubscriptionId>, cx: &mut Cx<'_>) {
        if let Some(watch) = &mut self.period {
            watch.looked(cx.leased_at());
            self.plan(id, cx);
        }
    }

    /// A person says until when the customer has paid, or that nothing shows it.
    pub(super) fn attest_period(&mut self, until: Option<Timestamp>, status: &Status, cx: &mut Cx<'_>) {
        self.stop_measuring(status.id(), cx);
        cx.withdraw(Call::is_of_period);
        if let Some(until) = until {
            self.paid(until, status, cx);
        }
    }
}
