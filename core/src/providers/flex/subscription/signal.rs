//! What Flex signals of a subscription, its sessions and its money.

use alloc::boxed::Box;

use super::standing::Standing;
use super::{Context, Subscription};
use crate::fact::{Because, Origin};
use crate::providers::flex::call::{Call, RefundsOf};
use crate::providers::flex::event::Event;
use crate::providers::flex::rules::Rule;
use crate::providers::flex::signal::Signal;
use crate::providers::flex::wire::{
    ChargeSeen, DisputeSeen, Expandable, InvoiceSeen, RefundSeen, Status, SubscriptionSeen, SubscriptionStatus,
};

type Told = Result<(), Because>;

pub(super) fn signalled(at: &mut Subscription, event: Event, origin: Origin, cx: &mut Context<'_>) -> Told {
    let Event::Signal(signal) = event else { return Err(Because::Unrelated) };
    cx.check(Rule::WebhookSignature, origin == Origin::Verified);
    if origin != Origin::Verified {
        return Err(Because::Unrelated);
    }
    let test_mode = signal.test_mode().plain();
    match *signal {
        Signal::SessionCompleted(seen) => {
            let saw = at.checkouts.told(&seen, true, cx)?;
            at.saw(saw, &seen, cx);
            Ok(())
        }
        Signal::SessionChanged(seen) => {
            let saw = at.checkouts.told(&seen, false, cx)?;
            at.saw(saw, &seen, cx);
            Ok(())
        }
        Signal::InvoicePaid(invoice) => at.paid(&invoice, test_mode, cx),
        Signal::InvoiceFailed(invoice) => {
            at.owned(invoice.subscription(), invoice.customer.as_ref(), test_mode, cx)?.failed(&invoice, cx)
        }
        Signal::SubscriptionChanged(seen) => at.changed(&seen, test_mode, cx),
        Signal::SubscriptionDeleted(seen) => at.deleted(&seen, test_mode, cx),
        Signal::Refund(seen) => at.refunded(&seen, test_mode, cx),
        Signal::ChargeRefunded(seen) => at.charge_refunded(&seen, test_mode, cx),
        Signal::Dispute(seen) => at.disputed(&seen, test_mode, cx),
        Signal::Other => Err(Because::Unrelated),
    }
}

impl Subscription {
    /// The subscription, if a signal is about it; a signal that comes before its id is early.
    fn owned(
        &mut self,
        id: Option<&str>,
        customer: Option<&Expandable>,
        test_mode: Option<bool>,
        cx: &mut Context<'_>,
    ) -> Result<&mut Standing, Because> {
        let waiting = !self.is_absent();
        // Another session may be paid yet, and tell what it has sold.
        let may_sell = self.checkouts.sessions.iter().any(|it| it.status != Status::Complete);
        match &mut self.standing {
            None if waiting && id.is_some() => Err(Because::Early),
            None => Err(Because::Unrelated),
            Some(it) if may_sell && id.is_some_and(|id| id != it.id.as_str()) => Err(Because::Early),
            Some(it) => {
                it.owns(id, customer, test_mode, cx)?;
                Ok(it)
            }
        }
    }

    fn paid(&mut self, invoice: &InvoiceSeen, test_mode: Option<bool>, cx: &mut Context<'_>) -> Told {
        match self.other(invoice.subscription()) {
            Some(other) => other.paid(invoice, cx),
            None => self
                .owned(invoice.subscription(), invoice.customer.as_ref(), test_mode, cx)?
                .paid(invoice, cx),
        }
    }

    fn changed(&mut self, seen: &SubscriptionSeen, test_mode: Option<bool>, cx: &mut Context<'_>) -> Told {
        let it = self.owned(Some(seen.subscription_id.as_str()), seen.customer.as_ref(), test_mode, cx)?;
        if it.is_over() {
            return Err(Because::Known);
        }
        it.look(cx);
        Ok(())
    }

    fn deleted(&mut self, seen: &SubscriptionSeen, test_mode: Option<bool>, cx: &mut Context<'_>) -> Told {
        let id = Some(seen.subscription_id.as_str());
        if let Some(other) = self.other(id) {
            if other.ended {
                return Err(Because::Known);
            }
            other.end(cx);
            return Ok(());
        }
        let it = self.owned(id, seen.customer.as_ref(), test_mode, cx)?;
        if it.is_over() {
            return Err(Because::Known);
        }
        it.end(SubscriptionStatus::Canceled, cx);
        Ok(())
    }

    /// The subscription, if it is in the same mode.
    fn in_mode(&mut self, test_mode: Option<bool>, cx: &mut Context<'_>) -> Result<&mut Box<Standing>, Because> {
        let it = self.standing.as_mut().ok_or(Because::Unrelated)?;
        let same = test_mode.is_none() || it.test_mode.is_none() || test_mode == it.test_mode;
        cx.check(Rule::WebhookModeMatch, same).at("/object");
        if same { Ok(it) } else { Err(Because::Unrelated) }
    }

    fn refunded(&mut self, seen: &RefundSeen, test_mode: Option<bool>, cx: &mut Context<'_>) -> Told {
        let payments = self.payments();
        let it = self.in_mode(test_mode, cx)?;
        if !it.has_refund(seen, |id| payments.iter().any(|it| it == id)) {
            return Err(Because::Unrelated);
        }
        it.refunded(seen, cx)
    }

    /// Something of a charge was given back: the list tells by which refund.
    fn charge_refunded(&mut self, seen: &ChargeSeen, test_mode: Option<bool>, cx: &mut Context<'_>) -> Told {
        let payments = self.payments();
        let payment = seen.payment_intent().ok_or(Because::Unrelated)?;
        let invoice = seen.invoice();
        let it = self.in_mode(test_mode, cx)?;
        let known = |id: &str| it.ids().any(|it| it == id) || payments.iter().any(|it| it == id);
        if !known(payment) && !invoice.is_some_and(|it| known(it.as_str())) {
            return Err(Because::Unrelated);
        }
        cx.look_up(Call::ListRefunds(RefundsOf::PaymentIntent(payment.into())));
        Ok(())
    }

    fn disputed(&mut self, seen: &DisputeSeen, test_mode: Option<bool>, cx: &mut Context<'_>) -> Told {
        let payments = self.payments();
        let ours = seen.client_reference_id.is_some() && seen.client_reference_id == self.checkouts.reference;
        let it = self.in_mode(test_mode, cx)?;
        let own_key = ours && seen.client_reference_id.as_deref() == Some(cx.key().as_str());
        if !own_key && !it.has_dispute(seen, |id| payments.iter().any(|it| it == id)) {
            return Err(Because::Unrelated);
        }
        it.disputed(seen, cx)
    }
}
