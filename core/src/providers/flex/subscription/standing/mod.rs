//! How a subscription stands: always as the last lookup has shown it, which every signal makes owed.

mod delivery;
mod dunning;
mod ending;
mod invoices;
mod period;
mod refund;
mod schedule;

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Context;
use crate::effect::Awaited;
use crate::fact::Because;
use crate::providers::flex::call::Call;
use crate::providers::flex::ids::{CustomerId, InvoiceId, SubscriptionId};
use crate::providers::flex::rules::Rule;
use crate::providers::flex::session::Session;
use crate::providers::flex::signal::{INVOICE_PAID, SUBSCRIPTION_DELETED};
use crate::providers::flex::wire::{Expandable, InvoiceStatus, SessionSeen, SubscriptionSeen, SubscriptionStatus};
use crate::time::Timestamp;
use invoices::{Invoices, Told};
use period::{Sale, Shown};
use refund::{Refunding, Returned};
use schedule::Schedule;

pub(super) use ending::check as check_cancellation;
pub use ending::Ending;
pub use period::{Paid, Span};

/// A subscription whose id is known.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexSubscriptionStanding"))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Standing {
    /// Its id.
    pub id: SubscriptionId,
    /// The customer; an invoice of another is none of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<CustomerId>,
    /// Whether it is one of test mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_mode: Option<bool>,
    /// Its status; nothing until a lookup has shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<SubscriptionStatus>,
    /// The status that nobody knows and that a person calls live, and the end of the period that it was shown with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attested: Option<(String, Option<Timestamp>)>,
    /// Whether it ends with its period.
    #[serde(default)]
    pub cancel_at_period_end: bool,
    /// The session that has sold it; nothing, if it was adopted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sale: Option<Sale>,
    /// What the last lookup has shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shown: Option<Shown>,
    /// The last period that is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<Paid>,
    /// The end of the access that was last owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Timestamp>,
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
    pub ending: Option<Ending>,
    /// Whether we have asked that it ends with its period.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    asked_to_end: bool,
    /// The refund that was asked for with its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refunding: Option<Refunding>,
    /// Refunds and disputes that were told of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    returned: Vec<Returned>,
    /// Since when it stands so.
    since: Timestamp,
    /// When it is looked up next.
    schedule: Schedule,
}

impl Standing {
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
            shown: None,
            paid: None,
            access: None,
            delivered: None,
            held: Vec::new(),
            invoices: Invoices::default(),
            past_due: false,
            ending: None,
            asked_to_end: false,
            refunding: None,
            returned: Vec::new(),
            since: now,
            schedule: Schedule::new(now),
        }
    }

    /// A subscription that a session has sold.
    pub(super) fn sold(id: SubscriptionId, session: &Session, seen: &SessionSeen, now: Timestamp) -> Self {
        let sale = session.own.then(|| Sale::new(session, seen, now));
        let (customer, test_mode) = (seen.customer_id(), session.test_mode);
        Self { customer, test_mode, sale, ..Self::adopted(id, now) }
    }

    pub(super) fn is_over(&self) -> bool {
        self.status.as_ref().is_some_and(SubscriptionStatus::is_over)
    }

    /// Whether it runs: it is active or in its trial, or a person says so of a status that nobody knows.
    pub(super) fn runs(&self) -> bool {
        self.status.as_ref().is_some_and(|it| it.is_live() || self.is_attested(it))
    }

    fn is_attested(&self, status: &SubscriptionStatus) -> bool {
        let end = self.shown.as_ref().and_then(|it| it.end);
        self.attested.as_ref().is_some_and(|(text, of)| text == status.as_str() && *of == end)
    }

    /// Whether its status is one that only a person can judge.
    fn is_unknown(&self) -> bool {
        self.status.as_ref().is_some_and(|it| !it.is_known() && !self.is_attested(it))
    }

    /// Whether the flow does not know yet that there is such a subscription.
    pub(super) const fn is_only_asked_for(&self) -> bool {
        self.status.is_none() && self.sale.is_none()
    }

    fn look_up(&self) -> Call {
        Call::RetrieveSubscription(self.id.clone())
    }

    pub(super) fn look(&self, cx: &mut Context<'_>) {
        cx.look_up(self.look_up());
    }

    fn look_at_invoice(&self, id: InvoiceId, cx: &mut Context<'_>) {
        cx.look_up(Call::RetrieveInvoice(id));
    }

    fn drop_invoice_lookup(&self, id: &InvoiceId, cx: &mut Context<'_>) {
        cx.withdraw(|call| matches!(call, Call::RetrieveInvoice(of) if of == id));
    }

    /// What a lookup has shown.
    pub(super) fn shown(&mut self, seen: &SubscriptionSeen, cx: &mut Context<'_>) {
        let Some(status) = seen.status.clone() else { return };
        let test_mode = seen.test_mode.plain();
        let same = test_mode.is_none() || self.test_mode.is_none() || test_mode == self.test_mode;
        cx.check(Rule::WebhookModeMatch, same).at("/subscription/test_mode");
        if !same {
            self.looked(cx);
            return self.plan(cx);
        }
        let may_move = self.status.as_ref().is_none_or(|from| may_move(from, &status));
        cx.check(Rule::SubscriptionTransition, may_move).at("/subscription/status");
        if self.is_over() {
            if !may_move {
                cx.review("contradiction", self.id.as_str(), &["seen"]);
            }
            return;
        }
        cx.withdraw_word("not_found", self.id.as_str());
        self.customer = self.customer.take().or_else(|| seen.customer_id());
        self.test_mode = self.test_mode.or(test_mode);
        if status.is_over() {
            return self.end(status, cx);
        }
        self.describe(status, seen, cx);
        self.judge_status(cx);
        self.judge_period(cx);
        self.dun(cx);
        self.hold_or_release(cx);
        self.settle(cx);
        self.reschedule(cx);
        self.plan(cx);
        if let Some(invoice) = self.awaited_invoice() {
            self.look_at_invoice(invoice.clone(), cx);
        }
    }

    /// Takes in what a lookup says of it.
    fn describe(&mut self, status: SubscriptionStatus, seen: &SubscriptionSeen, cx: &mut Context<'_>) {
        if let Some(flag) = seen.cancel_at_period_end {
            self.cancel_at_period_end = flag;
            self.asked_to_end &= flag || self.ending == Some(Ending::WithPeriod(true));
        }
        let before = self.status.replace(status);
        if before != self.status {
            self.since = cx.now();
            self.wake(cx);
        }
        self.take_period(seen, cx);
        if before.is_none() && self.sale.is_none() && self.runs() {
            self.delivered = self.shown.as_ref().map(|it| it.start);
        }
        if let Some(invoice) = seen.latest_invoice()
            && seen.latest_invoice_status() == Some(InvoiceStatus::Paid)
        {
            self.note_paid(&invoice, Told::default(), cx);
        }
    }

    /// A status that nobody knows grants nothing and takes nothing away: a person says what it means.
    fn judge_status(&mut self, cx: &mut Context<'_>) {
        let listed = self.status.as_ref().is_none_or(SubscriptionStatus::is_known);
        cx.check(Rule::SubscriptionStatusKnown, listed).at("/subscription/status");
        if self.is_unknown() {
            cx.review("unknown_status", self.id.as_str(), &["live", "ended"]);
        } else {
            cx.withdraw_word("unknown_status", self.id.as_str());
        }
    }

    /// A period that does not say when it ends gives no access that anybody can end: a person is asked at once.
    fn judge_period(&self, cx: &mut Context<'_>) {
        let ends = |it: &Shown| it.end.is_some() || (it.trial_end.is_some() && self.is_trialing());
        if self.runs() && !self.shown.as_ref().is_some_and(ends) {
            cx.review("no_period", self.id.as_str(), &["keep_waiting", "stop_waiting"]);
        } else {
            cx.withdraw_word("no_period", self.id.as_str());
        }
    }

    fn is_trialing(&self) -> bool {
        self.status == Some(SubscriptionStatus::Trialing)
    }

    /// A person calls a status that nobody knows live: the period that was shown is given.
    pub(super) fn attest(&mut self, cx: &mut Context<'_>) {
        let Some(shown) = self.shown.clone() else { return };
        self.attested = self.status.as_ref().map(|it| (it.as_str().into(), shown.end));
        self.hold_or_release(cx);
        if let Some(span) = shown.span() {
            self.grant(Paid { span, invoice: shown.invoice, trial: false }, cx);
        }
        self.reschedule(cx);
        self.plan(cx);
    }

    /// A person calls an invoice paid.
    pub(super) fn attest_invoice(&mut self, id: &str, cx: &mut Context<'_>) {
        if let Ok(invoice) = InvoiceId::parse(id) {
            self.note_paid(&invoice, Told::default(), cx);
        }
        self.settle(cx);
        self.reschedule(cx);
        self.plan(cx);
        self.look(cx);
    }

    /// There is no such subscription, says a lookup.
    pub(super) fn not_found(&mut self, cx: &mut Context<'_>) {
        cx.review("not_found", self.id.as_str(), &["ended", "keep"]);
        self.looked(cx);
        self.plan(cx);
    }

    /// There is no such invoice, says a lookup: that is evidence of nothing.
    pub(super) fn no_invoice(&mut self, id: &InvoiceId, cx: &mut Context<'_>) {
        self.doubt(id, cx);
        self.looked(cx);
        self.plan(cx);
    }

    /// Whether a signal is about this subscription and its customer, in the same mode.
    pub(super) fn owns(
        &self,
        subscription: Option<&str>,
        of: Option<&Expandable>,
        test_mode: Option<bool>,
        cx: &mut Context<'_>,
    ) -> Result<(), Because> {
        if subscription != Some(self.id.as_str()) {
            return Err(Because::Unrelated);
        }
        let known = self.customer.as_ref();
        let same = customer(of).is_none_or(|it| known.is_none_or(|have| *have == it));
        cx.check(Rule::InvoiceBelongs, same).at("/object");
        let mode = test_mode.is_none() || self.test_mode.is_none() || test_mode == self.test_mode;
        cx.check(Rule::WebhookModeMatch, mode).at("/object");
        if same && mode { Ok(()) } else { Err(Because::Unrelated) }
    }

    /// The ids by which a signal finds it.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        core::iter::once(self.id.as_str()).chain(self.invoices.ids())
    }

    pub(super) fn awaited(&self) -> Option<Awaited> {
        if self.status.is_none() || self.is_over() {
            return None;
        }
        let signal = if self.cancel_at_period_end { SUBSCRIPTION_DELETED } else { INVOICE_PAID };
        let mut wait = Awaited::new(signal, self.since);
        wait.of = Some(self.id.as_str().into());
        Some(wait)
    }
}

/// The customer, by the id.
fn customer(of: Option<&Expandable>) -> Option<CustomerId> {
    CustomerId::parse(of?.id("customer_id")?).ok()
}

/// Whether a subscription can have come from one status to another, by whatever way.
fn may_move(from: &SubscriptionStatus, to: &SubscriptionStatus) -> bool {
    use SubscriptionStatus::{Incomplete, IncompleteExpired, Trialing};
    match to {
        _ if from == to => true,
        _ if from.is_over() => false,
        _ if !from.is_known() => true,
        Incomplete => false,
        IncompleteExpired | Trialing => *from == Incomplete,
        _ => true,
    }
}
