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
    // A session is held against its own mode.
    if !matches!(*signal, Signal::SessionCompleted(_) | Signal::SessionChanged(_) | Signal::Other) {
        signal.test_mode().admit(at.standing.as_ref().and_then(|it| it.test_mode), cx)?;
    }
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
        Signal::InvoicePaid(invoice) => at.paid(&invoice, cx),
        Signal::InvoiceFailed(invoice) => {
            at.owned(invoice.subscription(), invoice.customer.as_ref(), cx)?.failed(&invoice, cx)
        }
        Signal::SubscriptionChanged(seen) => at.changed(&seen, cx),
        Signal::SubscriptionDeleted(seen) => at.deleted(&seen, cx),
        Signal::Refund(seen) => at.refunded(&seen, cx),
        Signal::ChargeRefunded(seen) => at.charge_refunded(&seen, cx),
        Signal::Dispute(seen) => at.disputed(&seen, cx),
        Signal::Other => Err(Because::Unrelated),
    }
}

impl Subscription {
    /// The subscription, if a signal is about it; a signal that comes before its id is early.
    fn owned(
        &mut self,
        id: Option<&str>,
        customer: Option<&Expandable>,
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
                it.owns(id, customer, cx)?;
                Ok(it)
            }
        }
    }

    fn paid(&mut self, invoice: &InvoiceSeen, cx: &mut Context<'_>) -> Told {
        match self.other(invoice.subscription()) {
            Some(other) => other.paid(invoice, cx),
            None => self.owned(invoice.subscription(), invoice.customer.as_ref(), cx)?.paid(invoice, cx),
        }
    }

    fn changed(&mut self, seen: &SubscriptionSeen, cx: &mut Context<'_>) -> Told {
        let it = self.owned(Some(seen.subscription_id.as_str()), seen.customer.as_ref(), cx)?;
        if it.is_over() {
            return Err(Because::Known);
        }
        it.look(cx);
        Ok(())
    }

    fn deleted(&mut self, seen: &SubscriptionSeen, cx: &mut Context<'_>) -> Told {
        let id = Some(seen.subscription_id.as_str());
        if let Some(other) = self.other(id) {
            if other.ended {
                return Err(Because::Known);
            }
            other.end(cx);
            return Ok(());
        }
        let it = self.owned(id, seen.customer.as_ref(), cx)?;
        if it.is_over() {
            return Err(Because::Known);
        }
        it.end(SubscriptionStatus::Canceled, cx);
        Ok(())
    }

    /// The subscription; a signal about money that comes before its id is known is early.
    fn known(&mut self) -> Result<&mut Box<Standing>, Because> {
        let missing = if self.is_absent() { Because::Unrelated } else { Because::Early };
        self.standing.as_mut().ok_or(missing)
    }

    fn refunded(&mut self, seen: &RefundSeen, cx: &mut Context<'_>) -> Told {
        let sold = self.sold();
        let it = self.known()?;
        if !it.has_refund(seen, &sold) {
            return Err(unknown(seen.subscription(), seen.payment_intent()));
        }
        it.refunded(seen, cx)
    }

    /// Something of a charge was given back: the list tells by which refund.
    fn charge_refunded(&mut self, seen: &ChargeSeen, cx: &mut Context<'_>) -> Told {
        let sold = self.sold();
        let payment = seen.payment_intent().ok_or(Because::Unrelated)?;
        if !self.known()?.has_charge(seen, &sold) {
            return Err(unknown(None, Some(payment)));
        }
        cx.look_up(Call::ListRefunds(RefundsOf::PaymentIntent(payment.into())));
        Ok(())
    }

    fn disputed(&mut self, seen: &DisputeSeen, cx: &mut Context<'_>) -> Told {
        let sold = self.sold();
        let ours = seen.client_reference_id.is_some() && seen.client_reference_id == self.checkouts.reference;
        let it = self.known()?;
        let own_key = ours && seen.client_reference_id.as_deref() == Some(cx.key().as_str());
        if !own_key && !it.has_dispute(seen, &sold) {
            return Err(unknown(seen.subscription(), seen.payment_intent()));
        }
        it.disputed(seen, cx)
    }
}

/// Why money that moved is not known to be of this subscription: the event of an invoice may still name its payment.
const fn unknown(subscription: Option<&str>, payment: Option<&str>) -> Because {
    match (subscription, payment) {
        (None, Some(_)) => Because::Early,
        _ => Because::Unrelated,
    }
}
