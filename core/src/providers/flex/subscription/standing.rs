//! How a subscription stands: always as the last look at it has shown, which every signal makes owed.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Context;
use crate::effect::Awaited;
use crate::fact::Because;
use crate::flow::Watch;
use crate::providers::flex::call::{Call, CancelSubscription};
use crate::providers::flex::ids::{CustomerId, InvoiceId, SubscriptionId};
use crate::providers::flex::rules::Rule;
use crate::providers::flex::signal::{INVOICE_PAID, SUBSCRIPTION_DELETED};
use crate::providers::flex::wire::{Expandable, InvoiceSeen, SubscriptionSeen, SubscriptionStatus};
use crate::time::Timestamp;

/// How many invoices of a subscription are remembered.
const REMEMBERED: usize = 16;

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
    /// Whether the flow began with it.
    #[serde(default)]
    pub adopted: bool,
    /// Its status; nothing until a look has shown it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<SubscriptionStatus>,
    /// Whether it ends with its period.
    #[serde(default)]
    pub cancel_at_period_end: bool,
    /// When its period ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_end: Option<Timestamp>,
    /// The end of the access that was last owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Timestamp>,
    /// How often it was looked at: what stands in for the time stamps that order its invoices.
    #[serde(default)]
    looks: u32,
    /// Invoices that were told of: when, by our own looks, and whether they were paid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    invoices: Vec<(u32, InvoiceId, bool)>,
    /// The end that is asked for and not answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ending: Option<Box<CancelSubscription>>,
    /// Since when it stands so.
    since: Timestamp,
    /// The wait for the next sign of it after its period.
    watch: Watch,
}

impl Standing {
    pub(super) fn new(id: SubscriptionId, adopted: bool, now: Timestamp) -> Self {
        Self {
            id,
            customer: None,
            test_mode: None,
            adopted,
            status: None,
            cancel_at_period_end: false,
            period_end: None,
            access: None,
            looks: 0,
            invoices: Vec::new(),
            ending: None,
            since: now,
            watch: Watch::new(now),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.status.as_ref().is_some_and(SubscriptionStatus::is_over)
    }

    fn look_up(&self) -> Call {
        Call::RetrieveSubscription(self.id.clone())
    }

    pub(super) fn look(&self, cx: &mut Context<'_>) {
        cx.look_up(self.look_up());
    }

    /// What a look has shown. Whether the customer has access now.
    pub(super) fn shown(&mut self, seen: &SubscriptionSeen, cx: &mut Context<'_>) -> bool {
        let Some(status) = seen.status.clone() else { return false };
        self.looks = self.looks.saturating_add(1);
        let may_move = self.status.as_ref().is_none_or(|from| may_move(from, &status));
        cx.check(Rule::SubscriptionTransition, may_move).at("/subscription/status");
        if self.is_over() {
            if !may_move {
                cx.review("contradiction", self.id.as_str(), &["seen"]);
            }
            return false;
        }
        self.customer = self.customer.take().or_else(|| customer(seen.customer.as_ref()));
        self.test_mode = self.test_mode.or(seen.test_mode);
        if status.is_over() {
            self.end(status, cx);
            return false;
        }
        self.cancel_at_period_end = seen.cancel_at_period_end.unwrap_or(false);
        if self.period_end != seen.current_period_end {
            self.period_end = seen.current_period_end;
            self.watch = Watch::new(self.period_end.unwrap_or_else(|| cx.now()));
        } else {
            self.looked(cx);
        }
        let before = self.status.replace(status.clone());
        if before.as_ref() != Some(&status) {
            self.since = cx.now();
        }
        if status == SubscriptionStatus::PastDue {
            if before != Some(SubscriptionStatus::PastDue) {
                cx.notify("past_due", self.id.as_str(), None);
            }
        } else {
            cx.withdraw_word("past_due", self.id.as_str());
        }
        if status.is_live() {
            self.let_in(cx);
        }
        self.plan(cx);
        status.is_live()
    }

    /// Access follows the period that was looked up, and is never a sum.
    fn let_in(&mut self, cx: &mut Context<'_>) {
        let Some(end) = self.period_end else {
            cx.review("no_period", self.id.as_str(), &["seen"]);
            return;
        };
        let until = end.after(cx.policy().grace);
        if self.access != Some(until) {
            self.access = Some(until);
            cx.access(self.id.as_str(), until);
        }
    }

    /// It has ended: access goes, and nothing is awaited any more.
    pub(super) fn end(&mut self, status: SubscriptionStatus, cx: &mut Context<'_>) {
        let id = self.id.as_str();
        cx.withdraw(|call| {
            matches!(call, Call::RetrieveSubscription(_) | Call::ConfirmSubscription(_) | Call::CancelSubscription(..))
        });
        for (_, invoice, _) in self.invoices.drain(..) {
            cx.withdraw_word("payment_failed", invoice.as_str());
        }
        for reason in ["past_due", "no_signal", "no_period", "not_found"] {
            cx.withdraw_word(reason, id);
        }
        if status == SubscriptionStatus::Canceled || self.access.is_some() {
            cx.access(id, cx.now());
        }
        *self = Self {
            customer: self.customer.take(),
            test_mode: self.test_mode,
            adopted: self.adopted,
            status: Some(status),
            looks: self.looks,
            ..Self::new(self.id.clone(), self.adopted, cx.now())
        };
    }

    /// Plans the next look: when its period is over, and then as long as the policy says.
    pub(super) fn plan(&self, cx: &mut Context<'_>) {
        if self.is_over() || self.watch.is_stopped() {
            return;
        }
        match self.period_end.filter(|end| !end.is_over(cx.now())) {
            Some(end) => cx.look_up_from(self.look_up(), end),
            None if cx.look_up_on_schedule(self.look_up(), &self.watch) => {}
            None => cx.review("no_signal", self.id.as_str(), &["keep_waiting", "stop_waiting"]),
        }
    }

    /// A look was refused.
    pub(super) fn not_shown(&mut self, status: u16, cx: &mut Context<'_>) {
        if status == 404 {
            cx.review("not_found", self.id.as_str(), &["seen"]);
        }
        self.looked(cx);
        self.plan(cx);
    }

    /// A look has shown nothing new: it counts if it is one of those that the policy plans.
    fn looked(&mut self, cx: &Context<'_>) {
        if self.watch.next(&cx.policy().look_ups).is_some_and(|due| due.is_over(cx.now())) {
            self.watch.looked();
        }
    }

    pub(super) fn stop(&mut self) {
        self.watch.stop();
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

    /// An invoice was paid: what that pays for, the look-up tells.
    pub(super) fn paid(&mut self, invoice: &InvoiceSeen, cx: &mut Context<'_>) -> Result<(), Because> {
        if self.is_over() {
            return Err(Because::Known);
        }
        if invoice.status.as_deref() == Some("paid") {
            let whole = invoice.amount_paid.is_none_or(|paid| invoice.amount_due.is_none_or(|due| paid >= due));
            cx.check(Rule::InvoicePaidAmount, whole).at("/object/invoice/amount_paid");
            let known = self.invoices.iter().find(|it| it.1 == invoice.invoice_id);
            if known.is_some_and(|it| it.2) {
                return Err(Because::Known);
            }
            self.note(&invoice.invoice_id, true);
            cx.withdraw_word("payment_failed", invoice.invoice_id.as_str());
        }
        self.look(cx);
        Ok(())
    }

    /// An invoice could not be paid: the customer is told once, and loses nothing.
    pub(super) fn failed(&mut self, invoice: &InvoiceSeen, cx: &mut Context<'_>) -> Result<(), Because> {
        if self.is_over() || self.invoices.iter().any(|it| it.1 == invoice.invoice_id) {
            return Err(Because::Known);
        }
        self.note(&invoice.invoice_id, false);
        cx.notify("payment_failed", invoice.invoice_id.as_str(), None);
        self.look(cx);
        Ok(())
    }

    /// Remembers an invoice, in an order that does not depend on the order of signals between two looks.
    fn note(&mut self, id: &InvoiceId, paid: bool) {
        let known = self.invoices.iter_mut().find(|it| it.1 == *id);
        match known {
            Some(it) => it.2 |= paid,
            None => self.invoices.push((self.looks, id.clone(), paid)),
        }
        self.invoices.sort_unstable();
        if self.invoices.len() > REMEMBERED {
            self.invoices.remove(0);
        }
    }

    pub(super) fn awaited(&self) -> Option<Awaited> {
        if self.status.is_none() || self.is_over() || self.watch.is_stopped() {
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
        Incomplete => false,
        IncompleteExpired | Trialing => *from == Incomplete,
        _ => true,
    }
}
