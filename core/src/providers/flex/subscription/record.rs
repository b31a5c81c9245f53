//! The facet `subscription`: what the last lookup has shown. Every webhook about it makes a lookup due.

mod change;
mod delivery;
mod disputes;
mod ending;
mod invoices;
mod payment;
mod payment_method;
mod period;
mod refunds;
mod reported;
mod sale;
mod schedule;
mod shown;
mod status;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Cx;
use crate::fact::IgnoredReason;
use crate::flow::named;
use crate::id::TypedId;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::objects::{Expandable, SessionObject, SubscriptionObject, SubscriptionStatus};
use crate::providers::flex::api::request::UpdateSubscription;
use crate::providers::flex::api::test_mode::TestMode;
use crate::providers::flex::disputes::WatchedDisputes;
use crate::providers::flex::ids::{CustomerId, InvoiceId, SubscriptionId};
use crate::providers::flex::names::{Review, Verdict};
use crate::providers::flex::reports::StoredItem;
use crate::providers::flex::rules::Rule;
use crate::providers::flex::sessions::Session;
use crate::time::Timestamp;
use ending::Ending;
use invoices::Invoices;
use payment_method::Page;
use period::{LookupResult, PaidPeriod};
use refunds::Refunds;
use sale::Sale;
use schedule::Schedule;

pub(super) use change::{check_one_change, check_update};
pub(super) use ending::check as check_cancellation;
pub(super) use payment_method::is_setup;
pub(super) use refunds::ACCESS;

named! {
    /// The state of the facet.
    pub enum SubscriptionState {
        /// No subscription is known.
        Absent = "absent",
        /// The subscription exists, and no lookup has shown whether it is paid. It gives no access yet.
        Unconfirmed = "unconfirmed",
        /// The subscription gives no access: it is not paid yet, paused or unpaid.
        Waiting = "waiting",
        /// The subscription is paid or in its trial, and gives access.
        Live = "live",
        /// A renewal is not paid, and Flex tries it again. Access lasts until the grace period is over.
        PastDue = "past_due",
        /// The subscription has ended, and is not charged any more.
        Ended = "ended",
    }
}

/// A subscription whose id is known.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexSubscriptionRecord"))]
#[serde(deny_unknown_fields)]
pub(super) struct SubscriptionRecord {
    /// The id of the subscription.
    id: SubscriptionId,
    /// The customer. An invoice of another customer does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    customer: Option<CustomerId>,
    /// Whether the subscription is in test mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    test_mode: Option<bool>,
    /// The status that the last lookup has shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<SubscriptionStatus>,
    /// The unlisted status that a person has called live, and the end of the period at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attested: Option<(String, Option<Timestamp>)>,
    /// Whether the subscription ends with its period.
    #[serde(default)]
    cancel_at_period_end: bool,
    /// The session that has sold the subscription. An adopted subscription has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sale: Option<Sale>,
    /// What the last lookup has shown.
    #[serde(rename = "shown", default, skip_serializing_if = "Option::is_none")]
    last_lookup: Option<LookupResult>,
    /// The last paid period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    paid: Option<PaidPeriod>,
    /// When the last `access` effect ends access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    access: Option<Timestamp>,
    /// The beginning of a period that another system has delivered before this flow started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delivered: Option<Timestamp>,
    /// The paid deliveries that wait until the subscription runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    held: Vec<String>,
    /// Whether a worker may have carried out a delivery that was taken back.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    handed_out: bool,
    /// The invoices of the subscription.
    #[serde(default)]
    invoices: Invoices,
    /// Whether the customer was notified that the subscription is past due.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    past_due: bool,
    /// The requested end whose outcome is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ending: Option<Ending>,
    /// Whether we have requested that the subscription ends with its period.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    asked_to_end: bool,
    /// The requested change of the plan whose outcome is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    change: Option<Box<UpdateSubscription>>,
    /// The items that Flex has shown or that a change has set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    items: Vec<StoredItem>,
    /// When a change of ours has set the items. An older invoice has charged for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    items_since: Option<Timestamp>,
    /// The pages for another payment method, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pages: Vec<Page>,
    /// The refunds and disputes of the subscription.
    #[serde(default, skip_serializing_if = "Refunds::is_nothing")]
    refunds: Refunds,
    /// The watch over the disputes, until they end.
    #[serde(default, skip_serializing_if = "WatchedDisputes::is_empty")]
    disputes: WatchedDisputes,
    /// When the subscription got its status.
    since: Timestamp,
    /// When the subscription is looked up next.
    schedule: Schedule,
}

impl SubscriptionRecord {
    /// A subscription that the flow starts with, or that a session of another origin has sold.
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
            handed_out: false,
            invoices: Invoices::default(),
            past_due: false,
            ending: None,
            asked_to_end: false,
            change: None,
            items: Vec::new(),
            items_since: None,
            pages: Vec::new(),
            refunds: Refunds::default(),
            disputes: WatchedDisputes::default(),
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

    /// The state of the facet.
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

    /// Whether this is the subscription's id.
    pub(super) fn is(&self, id: &str) -> bool {
        self.id.as_str() == id
    }

    /// Whether the subscription is in test mode, if that is known.
    pub(super) const fn test_mode(&self) -> Option<bool> {
        self.test_mode
    }

    /// Whether the end can be requested: a lookup has shown the subscription, and it has not ended.
    pub(super) fn can_end(&self) -> bool {
        self.status.is_some() && !self.is_over()
    }

    pub(super) fn is_over(&self) -> bool {
        self.status.as_ref().is_some_and(SubscriptionStatus::is_over)
    }

    /// Whether the subscription is active or in its trial, or a person has called its unlisted status live.
    pub(super) fn is_live(&self) -> bool {
        self.status.as_ref().is_some_and(|it| it.is_live() || self.is_attested(it))
    }

    fn is_attested(&self, status: &SubscriptionStatus) -> bool {
        let end = self.last_lookup.as_ref().and_then(|it| it.end);
        self.attested.as_ref().is_some_and(|(text, of)| text == status.as_str() && *of == end)
    }

    /// Whether only a person can say what the status means.
    fn is_unknown(&self) -> bool {
        self.status.as_ref().is_some_and(|it| !it.is_known() && !self.is_attested(it))
    }

    /// Whether neither a lookup nor a session has shown the subscription yet.
    pub(super) const fn is_only_requested(&self) -> bool {
        self.status.is_none() && self.sale.is_none()
    }

    fn lookup_call(&self) -> Call {
        Call::RetrieveSubscription(self.id.clone())
    }

    pub(super) fn look_up(&self, cx: &mut Cx<'_>) {
        cx.look_up(self.lookup_call());
    }

    pub(super) fn look_up_invoice(&self, id: InvoiceId, cx: &mut Cx<'_>) {
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

    /// Whether an object in a reply may be in the subscription's mode.
    pub(super) fn is_in_mode(&self, mode: TestMode, pointer: &'static str, cx: &mut Cx<'_>) -> bool {
        let same = mode.is_in_mode(cx.settings(), self.test_mode);
        cx.check(Rule::WebhookModeMatch, same).at(pointer);
        same
    }

    /// Whether the customer may be the subscription's.
    fn is_of_customer(&self, customer: Option<&Expandable>) -> bool {
        let id = customer.and_then(|it| CustomerId::parse(it.id("customer_id")?).ok());
        id.is_none_or(|it| self.customer.as_ref().is_none_or(|have| *have == it))
    }

    /// Applies a reply that shows the subscription: to a change, or to a lookup.
    pub(super) fn on_reply(&mut self, call: &Call, object: &SubscriptionObject, cx: &mut Cx<'_>) {
        let is_change =
            matches!(call, Call::UpdateSubscription(..) | Call::CancelSubscription(..) | Call::ChangeSubscription(..));
        if is_change && !self.is_in_mode(object.test_mode, "/subscription/test_mode", cx) {
            // The reply does not show our subscription. Lookups show the outcome of the request.
            if let Call::CancelSubscription(_, requested) = call {
                self.expect_refund(requested, cx.leased_at(), cx);
            }
            return self.not_done(call, cx);
        }
        match call {
            Call::ChangeSubscription(_, requested) => {
                self.changed(requested, cx);
                self.on_lookup(object, cx);
            }
            Call::UpdateSubscription(_, requested) => self.updated(requested, object, cx),
            Call::CancelSubscription(_, requested) => {
                if object.status.as_ref().is_some_and(SubscriptionStatus::is_over) && !self.is_over() {
                    self.expect_refund(requested, cx.leased_at(), cx);
                }
                self.on_lookup(object, cx);
            }
            _ => {
                self.settle_requests(call, object, cx);
                self.settle_change(call, object, cx);
                self.on_lookup(object, cx);
            }
        }
    }

    /// A request that changes the subscription has ended as not done.
    pub(super) fn not_done(&mut self, call: &Call, cx: &mut Cx<'_>) {
        match call {
            Call::ChangeSubscription(_, requested) => self.not_changed(requested, cx),
            _ => self.not_ended(call, cx),
        }
    }

    /// A webhook says that the subscription has changed. A lookup shows how.
    pub(super) fn on_changed(&self, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        if self.is_over() {
            return Err(IgnoredReason::Duplicate);
        }
        self.look_up(cx);
        Ok(())
    }

    /// A webhook says that the subscription has ended.
    pub(super) fn on_deleted(&mut self, cx: &mut Cx<'_>) -> Result<(), IgnoredReason> {
        if self.is_over() {
            return Err(IgnoredReason::Duplicate);
        }
        self.end(SubscriptionStatus::Canceled, cx);
        Ok(())
    }

    /// Applies a person's verdict. Returns whether the verdict was about the subscription.
    pub(super) fn reviewed(&mut self, review: Review, about: &str, verdict: Verdict, cx: &mut Cx<'_>) -> bool {
        let is_own = self.is(about);
        if self.dispute_reviewed(review, about, verdict, cx) {
            return true;
        }
        match (review, verdict) {
            (Review::NotAsAsked, Verdict::Fulfill) => self.deliver_anyway(about, cx),
            (Review::PaymentUnknown, Verdict::Paid) => self.attest_invoice(about, cx),
            (Review::PaymentUnknown, Verdict::NotPaid) => self.wait_quietly(cx),
            (Review::PaymentUnknown, Verdict::KeepWaiting) => self.keep_waiting(cx),
            (Review::UnplacedInvoice, verdict) => self.invoice_reviewed(about, verdict == Verdict::Fulfill, cx),
            (Review::RefundUnconfirmed, verdict) => self.refunds.reviewed(verdict == Verdict::Refunded, cx),
            (Review::Refunded | Review::EndedEarly, Verdict::EndAccess) => self.end_access(cx),
            // Any other review may be about one of the sessions.
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

    /// A lookup says that the subscription does not exist.
    pub(super) fn not_found(&mut self, cx: &mut Cx<'_>) {
        cx.ask(Review::NotFound, &self.id);
        self.note_lookup(cx);
        self.plan(cx);
    }

    /// A lookup says that the invoice does not exist. That proves nothing about a payment.
    pub(super) fn invoice_not_found(&mut self, id: &InvoiceId, cx: &mut Cx<'_>) {
        self.ask_about_undelivered(id, cx);
        self.note_lookup(cx);
        self.plan(cx);
    }

    /// Checks that a webhook is about this subscription and its customer.
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

    /// The ids by which a webhook finds the subscription.
    pub(super) fn ids(&self) -> impl Iterator<Item = TypedId> {
        core::iter::once(TypedId::from(&self.id)).chain(self.invoices.ids()).chain(self.page_ids())
    }
}
