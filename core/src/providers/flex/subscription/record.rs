//! The facet `subscription`: always as the last lookup has shown it, which every webhook makes owed.

mod delivery;
mod ending;
mod invoices;
mod payment;
mod period;
mod refunds;
mod sale;
mod schedule;
mod status;

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Cx;
use crate::effect::Wait;
use crate::fact::IgnoredReason;
use crate::flow::named;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::objects::{Expandable, SessionObject, SubscriptionObject, SubscriptionStatus};
use crate::providers::flex::api::test_mode::TestMode;
use crate::providers::flex::ids::{CustomerId, InvoiceId, SubscriptionId};
use crate::providers::flex::names::{Review, SignalName, Verdict};
use crate::providers::flex::rules::Rule;
use crate::providers::flex::sessions::Session;
use crate::time::Timestamp;
use ending::Ending;
use invoices::Invoices;
use period::{LookupResult, Paid};
use refunds::Refunds;
use sale::Sale;
use schedule::Schedule;

pub(super) use ending::check as check_cancellation;

named! {
    /// Where the subscription is.
    pub enum SubscriptionState {
        /// There is no subscription.
        Absent = "absent",
        /// Its id is known, and its status is not.
        Unconfirmed = "unconfirmed",
        /// It gives no access: not paid yet, paused, or given up on.
        Waiting = "waiting",
        /// Active, or in its trial.
        Live = "live",
        /// A renewal could not be paid.
        PastDue = "past_due",
        /// It has ended.
        Ended = "ended",
    }
}

/// A subscription whose id is known.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexSubscriptionRecord"))]
#[serde(deny_unknown_fields)]
pub(super) struct SubscriptionRecord {
    /// Its id.
    id: SubscriptionId,
    /// The customer; an invoice of another is none of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer: Option<CustomerId>,
    /// Whether it is one of test mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    test_mode: Option<bool>,
    /// Its status; nothing until a lookup has shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<SubscriptionStatus>,
    /// The unlisted status that a person calls live, and the end of the period that it was shown with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attested: Option<(String, Option<Timestamp>)>,
    /// Whether it ends with its period.
    #[serde(default)]
    cancel_at_period_end: bool,
    /// The session that has sold it; nothing, if it was adopted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sale: Option<Sale>,
    /// What the last lookup has shown.
    #[serde(rename = "shown", default, skip_serializing_if = "Option::is_none")]
    last_lookup: Option<LookupResult>,
    /// The last period that is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paid: Option<Paid>,
    /// The end of the access that was last owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    access: Option<Timestamp>,
    /// The beginning of the period that another system has delivered before this flow began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delivered: Option<Timestamp>,
    /// What was paid and waits until it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    held: Vec<String>,
    /// Its invoices.
    #[serde(default)]
    invoices: Invoices,
    /// Whether the customer knows that it is past due.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    past_due: bool,
    /// The end that is asked for and not answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ending: Option<Ending>,
    /// Whether we have asked that it ends with its period.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    asked_to_end: bool,
    /// Its money that went back, or is to go back.
    #[serde(default, skip_serializing_if = "Refunds::is_nothing")]
    refunds: Refunds,
    /// Since when it has this status.
    since: Timestamp,
    /// When it is looked up next.
    schedule: Schedule,
}

impl SubscriptionRecord {
    /// A subscription that the flow begins with, or that a session of another origin has sold.
    pub(super) fn adopted(id: SubscriptionId, now: Timestamp) -> Self {
        Self {
            id,
            customer: None,
            test_mode: None,
            status: None,
            attested: None,
            cancel_at_period_end: false,
            sale: None,
            last_lookup: None,
            paid: None,
            access: None,
            delivered: None,
            held: Vec::new(),
            invoices: Invoices::default(),
            past_due: false,
            ending: None,
            asked_to_end: false,
            refunds: Refunds::default(),
            since: now,
            schedule: Schedule::new(now),
        }
    }

    /// A subscription that a session has sold.
    pub(super) fn sold(id: SubscriptionId, session: &Session, object: &SessionObject, now: Timestamp) -> Self {
        let sale = session.is_own().then(|| Sale::new(session, object, now));
        let (customer, test_mode) = (object.customer_id(), session.test_mode());
        Self { customer, test_mode, sale, ..Self::adopted(id, now) }
    }

    /// Where a subscription is of which this is known.
    pub(super) fn state(record: Option<&Self>) -> SubscriptionState {
        match record {
            None => SubscriptionState::Absent,
            Some(record) if record.status.is_none() => SubscriptionState::Unconfirmed,
            Some(record) if record.is_over() => SubscriptionState::Ended,
            Some(record) if record.is_live() => SubscriptionState::Live,
            Some(record) if record.status == Some(SubscriptionStatus::PastDue) => SubscriptionState::PastDue,
            Some(_) => SubscriptionState::Waiting,
        }
    }

    pub(super) const fn id(&self) -> &SubscriptionId {
        &self.id
    }

    /// Whether that is its id.
    pub(super) fn is(&self, id: &str) -> bool {
        self.id.as_str() == id
    }

    /// Whether it is one of test mode, if that is known.
    pub(super) const fn test_mode(&self) -> Option<bool> {
        self.test_mode
    }

    /// Whether it is confirmed and has not ended: its end can be asked for.
    pub(super) fn can_end(&self) -> bool {
        self.status.is_some() && !self.is_over()
    }

    pub(super) fn is_over(&self) -> bool {
        self.status.as_ref().is_some_and(SubscriptionStatus::is_over)
    }

    /// Whether it runs: it is active or in its trial, or a person says so of an unlisted status.
    pub(super) fn is_live(&self) -> bool {
        self.status.as_ref().is_some_and(|it| it.is_live() || self.is_attested(it))
    }

    fn is_attested(&self, status: &SubscriptionStatus) -> bool {
        let end = self.last_lookup.as_ref().and_then(|it| it.end);
        self.attested.as_ref().is_some_and(|(text, of)| text == status.as_str() && *of == end)
    }

    /// Whether its status is unlisted: only a person knows what it means.
    fn is_unknown(&self) -> bool {
        self.status.as_ref().is_some_and(|it| !it.is_known() && !self.is_attested(it))
    }

    /// Whether the flow does not know yet that there is such a subscription.
    pub(super) const fn is_only_requested(&self) -> bool {
        self.status.is_none() && self.sale.is_none()
    }

    fn lookup_call(&self) -> Call {
        Call::RetrieveSubscription(self.id.clone())
    }

    pub(super) fn look_up(&self, cx: &mut Cx<'_>) {
        cx.look_up(self.lookup_call());
    }

    fn look_up_invoice(&self, id: InvoiceId, cx: &mut Cx<'_>) {
        cx.look_up(Call::RetrieveInvoice(id));
    }

    fn look_up_open_invoice(&self, cx: &mut Cx<'_>) {
        if let Some(invoice) = self.open_invoice() {
            self.look_up_invoice(invoice.clone(), cx);
        }
    }

    fn drop_invoice_lookup(&self, id: &InvoiceId, cx: &mut Cx<'_>) {
        cx.withdraw(|call| matches!(call, Call::RetrieveInvoice(of) if of == id));
    }

    /// Whether something in a reply may be of the same mode.
    pub(super) fn is_in_mode(&self, said: TestMode, pointer: &'static str, cx: &mut Cx<'_>) -> bool {
        let same = said.is_in_mode(cx.settings(), self.test_mode);
        cx.check(Rule::WebhookModeMatch, same).at(pointer);
        same
    }

    /// Whether the customer is the same, as far as either is known.
    fn is_of_customer(&self, customer: Option<&Expandable>) -> bool {
        let id = customer.and_then(|it| CustomerId::parse(it.id("customer_id")?).ok());
        id.is_none_or(|it| self.customer.as_ref().is_none_or(|have| *have == it))
    }

    /// A reply shows it: the answer to a change, or to a lookup.
    pub(super) fn on_reply(&mut self, call: &Call, object: &SubscriptionObject, cx: &mut Cx<'_>) {
        let is_change = matches!(call, Call::UpdateSubscription(..) | Call::CancelSubscription(..));
        if is_change && !self.is_in_mode(object.test_mode, "/subscription/test_mode", cx) {
            // The request is answered, and not with what was asked for: the lookups tell what has become of it.
            if let Call::CancelSubscription(_, requested) = call {
                self.expect_refund(requested, cx.leased_at(), cx);
            }
            return self.not_ended(call, cx);
        }
        match call {
            Call::UpdateSubscription(_, requested) => self.updated(requested, object, cx),
            Call::CancelSubscription(_, requested) => {
                if object.status.as_ref().is_some_and(SubscriptionStatus::is_over) && !self.is_over() {
                    self.expect_refund(requested, cx.leased_at(), cx);
                }
                self.on_lookup(object, cx);
            }
            _ => {
                self.settle_requests(call, object, cx);
                self.on_lookup(object, cx);
            }
        }
    }

    /// A webhook says that something about it has changed: a lookup shows what.
    pub(super) fn on_changed(&self, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        if self.is_over() {
            return Err(IgnoredReason::Duplicate);
        }
        self.look_up(cx);
        Ok(())
    }

    /// A webhook says that it has ended.
    pub(super) fn on_deleted(&mut self, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        if self.is_over() {
            return Err(IgnoredReason::Duplicate);
        }
        self.end(SubscriptionStatus::Canceled, cx);
        Ok(())
    }

    /// A person answers a question; whether it was one about the subscription.
    pub(super) fn reviewed(&mut self, review: Review, about: &str, verdict: Verdict, cx: &mut Cx<'_>) -> bool {
        let is_own = self.is(about);
        match (review, verdict) {
            (Review::NotAsAsked, Verdict::Fulfill) => self.deliver_anyway(about, cx),
            (Review::PaymentUnknown, Verdict::Paid) => self.attest_invoice(about, cx),
            (Review::PaymentUnknown, Verdict::NotPaid) => self.wait_quietly(cx),
            (Review::PaymentUnknown, Verdict::KeepWaiting) => self.keep_waiting(cx),
            (Review::UnplacedInvoice, verdict) => self.invoice_reviewed(about, verdict == Verdict::Fulfill, cx),
            (Review::RefundUnconfirmed, verdict) => self.refunds.reviewed(verdict == Verdict::Refunded, cx),
            (Review::Refunded | Review::Disputed | Review::EndedEarly, Verdict::EndAccess) => self.end_access(cx),
            // The others may be about one of its sessions.
            _ if !is_own => return false,
            (Review::NoSignal | Review::NoPeriod, Verdict::KeepWaiting) => self.keep_waiting(cx),
            (Review::NoSignal | Review::NoPeriod, Verdict::StopWaiting) => self.stop_waiting(cx),
            (Review::UnknownStatus, Verdict::Live) => self.attest(cx),
            (Review::UnknownStatus | Review::NotFound, Verdict::Ended) => self.end(SubscriptionStatus::Canceled, cx),
            (Review::NotFound, Verdict::Keep) => self.keep_waiting(cx),
            _ => return false,
        }
        true
    }

    /// There is no such subscription, says a lookup.
    pub(super) fn not_found(&mut self, cx: &mut Cx<'_>) {
        cx.ask(Review::NotFound, self.id.as_str());
        self.note_lookup(cx);
        self.plan(cx);
    }

    /// There is no such invoice, says a lookup: that is evidence of nothing.
    pub(super) fn invoice_not_found(&mut self, id: &InvoiceId, cx: &mut Cx<'_>) {
        self.ask_about_undelivered(id, cx);
        self.note_lookup(cx);
        self.plan(cx);
    }

    /// Whether a webhook is about this subscription and its customer.
    pub(super) fn check_owner(
        &self,
        subscription: Option<&str>,
        of: Option<&Expandable>,
        cx: &mut Cx<'_>,
    ) -> Result<(), IgnoredReason> {
        if subscription != Some(self.id.as_str()) {
            return Err(IgnoredReason::Unrelated);
        }
        let same = self.is_of_customer(of);
        cx.check(Rule::InvoiceBelongs, same).at("/object");
        if same { Ok(()) } else { Err(IgnoredReason::Unrelated) }
    }

    /// The ids by which a webhook finds it.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        core::iter::once(self.id.as_str()).chain(self.invoices.ids())
    }

    pub(super) fn wait(&self) -> Option<Wait> {
        if self.status.is_none() || self.is_over() {
            return None;
        }
        let ends = self.cancel_at_period_end;
        let signal = if ends { SignalName::SubscriptionDeleted } else { SignalName::InvoicePaid };
        let mut wait = Wait::new(signal.as_str(), self.since);
        wait.about = Some(self.id.as_str().into());
        Some(wait)
    }
}
