//! What the status and the waits show of a subscription.

use super::SubscriptionRecord;
use super::period::PaidPeriod;
use crate::effect::Wait;
use crate::id::TypedId;
use crate::money::Money;
use crate::providers::flex::api::objects::SubscriptionStatus;
use crate::providers::flex::names::SignalName;
use crate::providers::flex::subscription::Status;

impl SubscriptionRecord {
    /// The status, without what the sessions know.
    pub(in super::super) fn own_status(&self) -> Status {
        let (lookup, paid) = (self.last_lookup.as_ref(), self.paid.as_ref());
        let is_trialing = self.status == Some(SubscriptionStatus::Trialing);
        let invoice = paid.and_then(|it| self.invoices.find(it.invoice.as_ref()?));
        // Access that a person has ended before is paid for no more, as the effect says.
        let is_cut = |it: &&PaidPeriod| self.access.is_some_and(|until| until < it.span.end);
        let end = |it: &PaidPeriod| it.span.end;
        Status {
            subscription_id: Some(self.id.clone()),
            customer_id: self.customer.clone(),
            payment_method_id: lookup
                .and_then(|it| it.payment_method.as_ref())
                .or(self.given_payment_method())
                .cloned(),
            setup_intent_id: self.setup_intent().cloned(),
            latest_invoice_id: lookup.and_then(|it| it.invoice.clone()),
            provider_status: self.status.as_ref().map(|it| it.as_str().into()),
            test_mode: self.test_mode,
            amount: invoice.and_then(|it| it.amount).map(Money::unnamed),
            trial_ends_at: lookup.filter(|_| is_trialing).and_then(|it| it.trial()).map(|it| it.end),
            period_ends_at: lookup.and_then(|it| it.end),
            paid_until: paid.filter(|it| !is_cut(it)).map(end),
            access_until: self.access,
            cancel_at_period_end: lookup.map(|_| self.cancel_at_period_end),
            cancelling: self.is_cancelling(),
            cancel_at: lookup.and_then(|it| it.cancel_at),
            refunding: self.refunds.expected_amount().map(Money::unnamed),
            further_invoices: self.invoices.further().collect(),
            disputes: self.refunds.reports().disputes(&self.disputes),
            ..Status::default()
        }
    }

    /// Why this state cannot exist, if it cannot.
    pub(in super::super) fn impossible(&self) -> Option<&'static str> {
        match (&self.status, &self.last_lookup, &self.paid) {
            (None, Some(_), _) | (None, _, Some(_)) => Some("a subscription without a status has a period"),
            _ => None,
        }
    }

    /// What is waited for next.
    pub(in super::super) fn wait(&self) -> Option<Wait> {
        if self.status.is_none() || self.is_over() {
            return None;
        }
        let ends = self.cancel_at_period_end;
        let signal = if ends { SignalName::SubscriptionDeleted } else { SignalName::InvoicePaid };
        // The signal of the period that is paid has come, so the wait for the next one began with that period.
        let paid = self.paid.as_ref().filter(|_| self.is_live()).map_or(self.since, |it| it.span.start);
        let mut wait = Wait::new(signal.as_str(), self.since.max(paid));
        wait.about = Some(TypedId::from(&self.id));
        Some(wait)
    }
}
