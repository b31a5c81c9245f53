//! The amounts of a session, compared with the order.

use alloc::format;
use alloc::string::String;

use super::session::Session;
use crate::flow::Cx;
use crate::money::Cents;
use crate::providers::flex::Flex;
use crate::providers::flex::api::objects::{SessionObject, Status};
use crate::providers::flex::rules::Rule;

impl Session {
    /// Whether the session is complete.
    pub(crate) fn is_complete(&self) -> bool {
        self.status == Status::Complete
    }

    /// The highest received amount that Flex has shown.
    pub(crate) const fn received(&self) -> Option<Cents> {
        self.received
    }

    /// The received amount, or the total if Flex does not show what it has received.
    pub(crate) fn paid(&self) -> Option<Cents> {
        self.received.or(self.total)
    }

    /// The payment and its amount, if a complete session has exactly one payment. A hold has not taken its amount.
    pub(crate) fn only_payment(&self) -> Option<(&str, Cents)> {
        let [payment] = self.payment_intents.as_slice() else { return None };
        let paid = self.paid().filter(|it| *it > Cents::ZERO)?;
        (self.status == Status::Complete && !self.manual).then_some((payment, paid))
    }

    /// Stores the received amount, and compares the amounts with the order.
    pub(super) fn note_amounts<F: Flex>(&mut self, object: &SessionObject, cx: &mut Cx<'_, F>) {
        self.received = self.received.max(object.amount_received);
        let Some(other) = self.amount_beside_order(object) else { return };
        self.differing = Some(other);
        if core::mem::take(&mut self.sound) {
            cx.check(Rule::CheckoutAmountEqualsOrder, false).at("/checkout_session/amount_total").because(|| {
                let order = self.agreed.last().or(self.total.as_ref()).map_or_else(String::new, |it| format!("{it}"));
                format!("The amount of the session is {other} cents. The total of the order is {order} cents.")
            });
        }
    }

    /// The total, or the amount that a complete session has received, if the order does not explain it.
    fn amount_beside_order(&self, object: &SessionObject) -> Option<Cents> {
        let is_agreed = |it: &Cents| self.agreed.contains(it) || (self.agreed.is_empty() && self.total == Some(*it));
        let total = object.amount_total.filter(|_| !self.agreed.is_empty());
        let is_paid = object.status == Some(Status::Complete) && !self.manual && self.total.is_some();
        let received = object.amount_received.filter(|_| is_paid);
        total.into_iter().chain(received).find(|it| self.own && !is_agreed(it))
    }

    /// A person says that the session is right, whatever it costs.
    pub(super) fn accept(&mut self) {
        self.sound = true;
        self.agreed.extend(self.differing.take().filter(|it| !self.agreed.contains(it)));
    }
}
