//! The money of each paid session: of the one that settles the checkout, and of those that were paid besides.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::payment::Payment;
use super::{Checkout, Cx};
use crate::effect::effect_of_key;
use crate::flow::{Flow, IntentStatus};
use crate::id::{EffectId, Intent};
use crate::money::{Cents, Money};
use crate::providers::flex::api::objects::RefundObject;
use crate::providers::flex::api::request::CreateRefund;
use crate::providers::flex::disputes::WatchedDisputes;
use crate::providers::flex::ids::{CheckoutSessionId, DisputeId};
use crate::providers::flex::reports::SecondPaymentMoney;
use crate::providers::flex::sessions::Session;

/// The money of a session that does not settle the checkout.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexOtherPayment"))]
#[serde(deny_unknown_fields)]
pub(super) struct OtherPayment {
    /// The session.
    session: CheckoutSessionId,
    /// Its money.
    payment: Box<Payment>,
}

impl Checkout {
    /// The payments that the flow keeps, each with its session. The one that settles the checkout comes first.
    pub(super) fn ledgers(&self) -> impl Iterator<Item = (&Payment, &Session)> {
        let settled = self.payment.as_deref().zip(self.sessions.settled());
        let others = self.others.iter().filter_map(|it| Some((&*it.payment, self.sessions.find(&it.session)?)));
        settled.into_iter().chain(others)
    }

    /// The payment of a session.
    pub(super) fn ledger(&self, id: &CheckoutSessionId) -> Option<(&Payment, &Session)> {
        self.ledgers().find(|(_, session)| session.id() == id)
    }

    /// The payment of a session.
    pub(super) fn ledger_mut(&mut self, id: &CheckoutSessionId) -> Option<(&mut Payment, &Session)> {
        let session = self.sessions.find(id)?;
        let is_settled = self.sessions.settled().map(Session::id) == Some(id);
        let own = self.payment.as_deref_mut().filter(|_| is_settled);
        let other = self.others.iter_mut().find(|it| it.session == *id).map(|it| &mut *it.payment);
        own.or(other).map(|payment| (payment, session))
    }

    /// The payment that settles the checkout, and every other one.
    pub(super) fn payments_mut(&mut self) -> impl Iterator<Item = (&mut Payment, &Session)> {
        let settled = self.payment.as_deref_mut().zip(self.sessions.settled());
        let sessions = &self.sessions;
        let others = self.others.iter_mut().filter_map(|it| Some((&mut *it.payment, sessions.find(&it.session)?)));
        settled.into_iter().chain(others)
    }

    /// Keeps the money of another session from now on, once a session has settled the checkout.
    pub(super) fn open_ledger(&mut self, id: &CheckoutSessionId) {
        let is_other = self.sessions.settled().is_some_and(|it| it.id() != id);
        if let Some(session) = self.sessions.find(id).filter(|_| is_other && self.ledger(id).is_none()) {
            let payment = Box::new(Payment::beside(session));
            self.others.push(OtherPayment { session: id.clone(), payment });
            self.others.sort_unstable_by(|a, b| a.session.cmp(&b.session));
        }
    }

    /// Keeps the money of every second payment, and of no session that is forgotten.
    pub(super) fn open_ledgers(&mut self) {
        self.others.retain(|it| self.sessions.find(&it.session).is_some());
        let second: Vec<_> = self.sessions.second_ids().cloned().collect();
        second.iter().for_each(|id| self.open_ledger(id));
    }

    /// Why these payments cannot exist, if they cannot.
    pub(super) fn impossible_ledger(&self) -> Option<&'static str> {
        let settled = self.sessions.settled().map(Session::id);
        let is_other = |it: &OtherPayment| settled.is_some_and(|id| *id != it.session);
        let known = |it: &OtherPayment| self.sessions.find(&it.session).is_some();
        let fits = self.others.iter().all(|it| is_other(it) && known(it))
            && self.others.is_sorted_by(|a, b| a.session < b.session);
        (!fits).then_some("another payment belongs to no other session that is known")
    }

    /// Tells a second payment what of it was returned, as its refunds show.
    pub(super) fn note_returned(&mut self, id: &CheckoutSessionId, cx: &mut Cx<'_>) {
        let other = self.others.iter().find(|it| it.session == *id);
        if let Some(returned) = other.map(|it| it.payment.given_back()) {
            self.sessions.note_returned(id, returned, cx);
        }
    }

    /// The session that a refund names: without an id, the one that settles the checkout.
    pub(super) fn refunded_session<'a>(&'a self, refund: &'a CreateRefund) -> Option<&'a CheckoutSessionId> {
        refund.checkout_session_id.as_ref().or_else(|| self.sessions.settled().map(Session::id))
    }

    /// The status of the intent that a refund names. It names one refund of the whole checkout, whatever the session.
    pub(super) fn refund_status(&self, refund: &CreateRefund) -> Option<IntentStatus> {
        let (intent, of) = (refund.intent.as_ref()?, self.refunded_session(refund)?);
        let knows = |it: &Payment| it.refund_intents().outcome(intent).is_some();
        if self.ledgers().any(|(payment, session)| session.id() != of && knows(payment)) {
            return Some(IntentStatus::Other);
        }
        self.ledger(of)?.0.refund_status(refund)
    }

    /// The session of a refund whose ids name none: the payment knows the refund, or has requested it.
    pub(super) fn session_of_refund(&self, object: &RefundObject, cx: &Cx<'_>) -> Option<CheckoutSessionId> {
        let effect = object.echo.as_ref().and_then(|echo| effect_of_key(Self::ID, cx.key(), echo));
        let intent = effect.and_then(|id| EffectId::parse(id).ok()).and_then(|id| Intent::parse(id.intent()).ok());
        let requests = |it: &Payment| intent.as_ref().is_some_and(|it_| it.refund_intents().outcome(it_).is_some());
        let known = self.ledgers().find(|(payment, _)| payment.knows_refund(object) || requests(payment));
        // An intent that is forgotten is most likely one of the payment that counts.
        let forgotten = || self.ledgers().next().filter(|_| effect.is_some());
        known.or_else(forgotten).map(|(_, session)| session.id().clone())
    }

    /// The session whose payment a dispute is about.
    pub(super) fn session_of_dispute(&self, id: &DisputeId) -> Option<CheckoutSessionId> {
        let knows = |it: &Payment| it.knows_dispute(id) || it.watched().knows(id);
        self.ledgers().find(|(payment, _)| knows(payment)).map(|(_, session)| session.id().clone())
    }

    /// The payment that a dispute is about.
    pub(super) fn disputed_mut(&mut self, id: &DisputeId) -> Option<(&mut Payment, &Session)> {
        let session = self.session_of_dispute(id)?;
        self.ledger_mut(&session)
    }

    /// The watches over the disputes.
    pub(super) fn watches(&self) -> impl Iterator<Item = &WatchedDisputes> {
        self.ledgers().map(|(payment, _)| payment.watched()).filter(|it| !it.is_empty())
    }

    /// What the status shows of the money of a second payment.
    pub(super) fn second_money(&self, session: &Session) -> SecondPaymentMoney {
        let Some((payment, _)) = self.ledger(session.id()) else { return SecondPaymentMoney::default() };
        let money = payment.shown(session.is_manual());
        SecondPaymentMoney {
            refundable: Some(Money::unnamed(money.refundable)),
            refunding: Some(money.refunding).filter(|it| *it > Cents::ZERO).map(Money::unnamed),
            refunds: payment.refund_reports(),
        }
    }
}
