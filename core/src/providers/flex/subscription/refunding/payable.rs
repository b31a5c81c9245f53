//! Which payments can be refunded, and what a refund must keep to.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::flow::{Reviews, Stop};
use crate::money::{Cents, Money};
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::objects::RefundObject;
use crate::providers::flex::api::request::{RefundPayment, RefundReason};
use crate::providers::flex::api::session_request::check_metadata;
use crate::providers::flex::ids::{CheckoutSessionId, InvoiceId};
use crate::providers::flex::names::{Review, SignalName};
use crate::providers::flex::reports::SecondPaymentMoney;
use crate::providers::flex::rules::Rule;
use crate::providers::flex::sessions::Session;
use crate::providers::flex::subscription::record::ACCESS;
use crate::providers::flex::subscription::{Action, Cx, Rules, Subscription};
use crate::rule::{CoreRule, UnblockedBy};

/// A payment whose amount Flex has shown.
pub(in super::super) struct Payable {
    /// The id of the payment.
    pub(in super::super) payment: String,
    /// What was paid, in cents.
    pub(in super::super) paid: Cents,
    /// The invoice.
    invoice: Option<InvoiceId>,
    /// The session.
    pub(in super::super) session: Option<CheckoutSessionId>,
}

impl Payable {
    fn is_named_by(&self, it: &RefundPayment) -> bool {
        let by_invoice = it.invoice_id.is_some() && it.invoice_id == self.invoice;
        let by_session = it.checkout_session_id.is_some() && it.checkout_session_id == self.session;
        by_invoice || by_session || it.payment_intent_id.as_ref() == Some(&self.payment)
    }
}

impl Subscription {
    /// The payments whose amounts are known: of the sessions, and of the invoices of each paid subscription.
    pub(in super::super) fn payables(&self) -> Vec<Payable> {
        let sale = self.record.as_ref().and_then(|it| it.sold_by());
        let of_session = |it: &Session| {
            let (payment, paid) = it.only_payment()?;
            let invoice = sale.filter(|sale| sale.0 == it.id()).and_then(|sale| sale.1.cloned());
            Some(Payable { payment: payment.into(), paid, invoice, session: Some(it.id().clone()) })
        };
        let mut all: Vec<_> = self.sessions.known().iter().filter_map(of_session).collect();
        let invoices = self.record.iter().flat_map(|it| it.payments()).chain(self.others.payments());
        for (invoice, payment, paid) in invoices {
            match all.iter_mut().find(|it| it.payment == payment) {
                // The invoice knows better than its session what was paid.
                Some(known) => (known.paid, known.invoice) = (paid, Some(invoice.clone())),
                None => {
                    all.push(Payable { payment: payment.into(), paid, invoice: Some(invoice.clone()), session: None })
                }
            }
        }
        all
    }

    fn payable(&self, named: &RefundPayment) -> Option<Payable> {
        self.payables().into_iter().find(|it| it.is_named_by(named))
    }

    /// The amount of a payment that is neither refunded nor claimed, disputed or not.
    fn left_to_refund(&self, it: &Payable) -> Cents {
        let claimed = self.record.as_ref().map_or(Cents::ZERO, |record| record.claimed(&it.payment, it.paid));
        self.refunding.left(&it.payment, it.paid).minus(claimed).max(Cents::ZERO)
    }

    /// What the status shows of the money of a second payment.
    pub(in super::super) fn second_money(&self, session: &Session) -> SecondPaymentMoney {
        let payables = self.payables();
        let Some(it) = payables.iter().find(|it| it.session.as_ref() == Some(session.id())) else {
            return SecondPaymentMoney::default();
        };
        let left = if self.is_disputed(&it.payment) { Cents::ZERO } else { self.left_to_refund(it) };
        SecondPaymentMoney {
            refundable: Some(Money::unnamed(left)),
            refunding: self.refunding.requested_of(&it.payment).map(Money::unnamed),
            refunds: self.refunding.reports_of(&it.payment),
        }
    }

    /// Requests a refund.
    pub(in super::super) fn refund(&mut self, requested: RefundPayment, cx: &mut Cx<'_>) -> Result<(), Stop> {
        let Payable { payment, paid, .. } = self.payable(&requested).ok_or(Stop::NotNow)?;
        self.refunding.request(requested, payment, paid, cx)
    }

    /// The payment of a refund: its own, or that of the invoice or session that it names.
    pub(in super::super) fn payment_of(&self, object: &RefundObject) -> Option<String> {
        let named = RefundPayment {
            invoice_id: object.invoice(),
            checkout_session_id: object.checkout_session().and_then(|id| CheckoutSessionId::parse(id).ok()),
            ..RefundPayment::default()
        };
        object.payment_intent().map(String::from).or_else(|| self.payable(&named).map(|it| it.payment))
    }

    /// Whether a refund is of another paid subscription. The subscription that it names decides alone.
    pub(in super::super) fn is_of_other(&self, refund: &RefundObject) -> bool {
        if let Some(id) = refund.subscription() {
            return self.others.knows(id);
        }
        let is_known = |payment: &str| {
            self.payables().iter().any(|it| it.payment == payment)
                || self.sessions.known().iter().any(|it| it.ids().any(|id| id == payment))
        };
        let by_ids = [refund.payment_intent(), refund.checkout_session()].into_iter().flatten().any(is_known);
        let invoice = refund.invoice();
        let by_invoice = invoice.is_some() && self.payables().iter().any(|it| it.invoice == invoice);
        by_ids || by_invoice
    }

    /// Asks a person whether access ends if our refunds have returned the whole payment of the paid period. The review
    /// about a second paid session is over once its payment was returned.
    pub(in super::super) fn ask_about_full_refunds(&mut self, cx: &mut Cx<'_>) {
        let settled = self.sessions.settled().map(|it| it.id().clone());
        for Payable { payment, paid, session, .. } in self.payables() {
            let is_current = self.record.as_ref().is_some_and(|record| {
                record.has_access(cx) && record.is_paid_by(&payment, session.is_some() && session == settled)
            });
            if is_current && let Some(id) = self.refunding.take_full(&payment, paid) {
                cx.ask(Review::Refunded.only(ACCESS), &id);
            }
            if let Some(other) = session.filter(|it| Some(it) != settled.as_ref())
                && self.refunding.has_returned(&payment, paid)
            {
                self.sessions.second_returned(&other, cx);
            }
        }
    }

    /// The payment of the paid period.
    fn current_payable(&self) -> Option<Payable> {
        let record = self.record.as_ref()?;
        let settled = self.sessions.settled().map(|it| it.id());
        let is_current =
            |it: &Payable| record.is_paid_by(&it.payment, it.session.is_some() && it.session.as_ref() == settled);
        self.payables().into_iter().find(is_current)
    }

    /// Whether a dispute keeps the refund that a cancellation requests from being made. The customer may have the money
    /// of a lost dispute already.
    pub(in super::super) fn is_end_disputed(&self) -> bool {
        let is_open = self.record.as_ref().is_some_and(|record| record.watched().any_blocks_refund());
        is_open || self.current_payable().is_some_and(|it| self.is_disputed(&it.payment))
    }

    /// The amount of the paid period's payment that can still be refunded. While it is disputed, that is nothing.
    pub(in super::super) fn refundable(&self) -> Option<Cents> {
        let current = self.current_payable()?;
        let left = self.left_to_refund(&current);
        Some(if self.is_disputed(&current.payment) { Cents::ZERO } else { left })
    }
}

/// What a refund needs from the state. At the lease, no dispute may have come.
pub(in super::super) fn permits_refund(subscription: &Subscription, rules: &mut Rules<'_>) {
    rules
        .check(CoreRule::NotNow, subscription.record.is_some())
        .unblocked_by(UnblockedBy::signal(SignalName::SessionCompleted.as_str()));
    // A dispute of one payment does not hold up the refund of another. A sent request only waits for its outcome.
    if !rules.is_resend()
        && let Some(Call::RefundPayment(_, it)) = rules.leasing()
    {
        let disputed = it.payment_intent_id.as_ref().is_some_and(|payment| subscription.is_disputed(payment));
        rules.check(Rule::RefundNotDisputed, !disputed);
    }
}

/// What a new refund needs besides: a payment of which something is left.
pub(in super::super) fn accepts_refund(subscription: &Subscription, rules: &mut Rules<'_>) {
    let Some(record) = &subscription.record else { return };
    let payables = subscription.payables();
    rules
        .check(Rule::RefundPaymentKnown, !payables.is_empty())
        .unblocked_by(UnblockedBy::action(Action::RetrieveInvoice.as_str()));
    let mut left = payables.iter().filter(|it| subscription.left_to_refund(it) > Cents::ZERO).peekable();
    rules
        .check(Rule::RefundNotAboveReceived, payables.is_empty() || left.peek().is_some())
        .because(|| "0 cents of the payments are left to refund.".into());
    let is_each_disputed = left.peek().is_some() && left.all(|it| subscription.is_disputed(&it.payment));
    rules.check(Rule::RefundNotDisputed, !is_each_disputed);
    // The end may have refunded the payment as well.
    let ends = |call: &Call| matches!(call, Call::CancelSubscription(_, it) if it.refunds());
    let reply = rules.reply_to(ends);
    rules.check(CoreRule::OneAtATime, reply.is_none()).unblocked_by(reply);
    let lookup = rules.reply_to(|call| matches!(call, Call::ListRefunds(_)));
    rules.check(CoreRule::NotNow, !record.awaits_refund()).unblocked_by(lookup);
}

/// Checks the contents of a refund.
pub(in super::super) fn check_refund(subscription: &Subscription, refund: &RefundPayment, rules: &mut Rules<'_>) {
    let names = [refund.invoice_id.is_some(), refund.checkout_session_id.is_some(), refund.payment_intent_id.is_some()];
    let is_one = names.into_iter().filter(|it| *it).count() == 1;
    let named = named_by(refund);
    rules.check(Rule::RefundOnePayment, is_one).at(named);
    rules.check(Rule::RefundReasonKnown, refund.reason.as_ref().is_none_or(RefundReason::is_known)).at("/reason");
    check_metadata(refund.metadata.as_ref(), "/metadata", rules);
    rules.check_extra::<RefundPayment>(&refund.extra);
    rules.check(CoreRule::IntentRequired, refund.intent.is_some()).at("/intent");
    if let Some(status) = subscription.refunding.status_of(refund) {
        status.check(CoreRule::OtherContent, rules);
    }
    if subscription.record.is_none() || !is_one || subscription.payables().is_empty() {
        return;
    }
    let Some(payable) = subscription.payable(refund) else {
        let until = UnblockedBy::action(Action::RetrieveInvoice.as_str());
        rules.check(Rule::RefundPaymentKnown, false).at(named).unblocked_by(until);
        return;
    };
    let left = subscription.left_to_refund(&payable);
    let amount = refund.amount.unwrap_or(left);
    let detail = || format!("The refund asks for {amount} cents, and {left} cents of the payment are left.");
    rules.check(Rule::RefundNotAboveReceived, amount > Cents::ZERO && amount <= left).at("/amount").because(detail);
    rules.check(Rule::RefundNotDisputed, !subscription.is_disputed(&payable.payment)).at(named);
}

/// The member that names the payment: the last one, if a refund has several.
const fn named_by(refund: &RefundPayment) -> &'static str {
    match refund {
        RefundPayment { invoice_id: Some(_), checkout_session_id: None, payment_intent_id: None, .. } => "/invoice_id",
        RefundPayment { checkout_session_id: Some(_), payment_intent_id: None, .. } => "/checkout_session_id",
        _ => "/payment_intent_id",
    }
}
