//! A payment beside the one that counts: what of it was returned, and the lookups after a person has said that it was.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Sessions;
use super::session::Session;
use crate::flow::{Cx, PollTimer};
use crate::money::{Cents, Money};
use crate::providers::flex::Flex;
use crate::providers::flex::api::calls::Call;
use crate::providers::flex::api::objects::SessionObject;
use crate::providers::flex::ids::CheckoutSessionId;
use crate::providers::flex::names::{Review, Verdict};
use crate::providers::flex::reports::{SecondPaymentMoney, SecondPaymentReport};

/// A payment beside the one that counts.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "FlexSecondPayment"))]
#[serde(deny_unknown_fields)]
pub(super) struct SecondPayment {
    /// The highest refunded amount that Flex has shown, with refunds that failed, in cents.
    #[serde(default)]
    refunded: Cents,
    /// The amount of the refunds that failed, in cents.
    #[serde(default)]
    failed: Cents,
    /// The lookup schedule after a person has said that the payment was refunded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    returning: Option<PollTimer>,
}

impl Session {
    /// The returned amount of a payment beside the one that counts, without refunds that failed.
    fn returned(&self) -> Cents {
        self.second.as_ref().map_or(Cents::ZERO, |it| it.refunded.minus(it.failed))
    }

    /// Whether the whole payment was returned.
    fn is_returned(&self) -> bool {
        let returned = self.returned();
        returned > Cents::ZERO && self.paid().is_none_or(|paid| returned >= paid)
    }

    /// Stores what Flex shows of the refunds. The question is over once the whole payment was returned, and comes again if
    /// the refund fails.
    pub(super) fn note_second<F: Flex>(&mut self, object: &SessionObject, cx: &mut Cx<'_, F>) {
        // A checkout keeps the refunds of each session itself.
        if !F::SUBSCRIBES || !self.is_in_mode(object, cx) {
            return;
        }
        let sum = |is_counted: fn(bool) -> bool| {
            let all = object.refunds.iter().flat_map(|it| &it.list);
            let counted = all.filter(|it| is_counted(it.status.as_ref().is_some_and(|status| status.is_reversed())));
            counted.filter_map(|it| it.amount).fold(Cents::ZERO, Cents::plus)
        };
        let all = sum(|_| true).max(object.amount_refunded.unwrap_or_default());
        let failed = sum(|reversed| reversed);
        self.update_second(|it| (it.refunded, it.failed) = (it.refunded.max(all), it.failed.max(failed)), cx);
    }

    fn update_second<F: Flex>(&mut self, update: impl FnOnce(&mut SecondPayment), cx: &mut Cx<'_, F>) {
        let before = self.is_returned();
        let Some(second) = &mut self.second else { return };
        update(second);
        match (before, self.is_returned()) {
            (_, true) => self.second_returned(cx),
            (true, false) => cx.ask(Review::SecondPayment, &self.id),
            (false, false) => self.plan_return(cx),
        }
    }

    /// The payment was returned, so nothing is left to ask.
    fn second_returned<F: Flex>(&mut self, cx: &mut Cx<'_, F>) {
        self.second.iter_mut().for_each(|it| it.returning = None);
        cx.withdraw_review(Review::SecondPayment, self.id.as_str());
    }

    /// Notes that a lookup got a reply.
    pub(super) fn second_looked<F: Flex>(&mut self, cx: &Cx<'_, F>) {
        let timer = self.second.as_mut().and_then(|it| it.returning.as_mut());
        timer.into_iter().for_each(|it| it.looked(cx.leased_at()));
    }

    /// Plans the next lookup of the refund that a person has made, and the same question at the end of the schedule.
    pub(super) fn plan_return<F: Flex>(&self, cx: &mut Cx<'_, F>) {
        if let Some(timer) = self.second.as_ref().and_then(|it| it.returning.as_ref()) {
            cx.poll_then_ask(Call::RetrieveCheckoutSession(self.id.clone()), timer, Review::SecondPayment, &self.id);
        }
    }

    /// A person says what became of the payment. A lookup must show the refund, unless nothing was paid, as in a trial.
    pub(super) fn second_reviewed<F: Flex>(&mut self, verdict: Verdict, cx: &mut Cx<'_, F>) {
        let is_paid = self.paid().is_none_or(|paid| paid > Cents::ZERO);
        let is_open = verdict == Verdict::Refunded && is_paid && !self.is_returned();
        if let Some(second) = &mut self.second {
            let mut timer = PollTimer::new(cx.now());
            timer.returned(cx.now());
            second.returning = is_open.then_some(timer);
        }
        self.plan_return(cx);
    }
}

impl Sessions {
    /// The sessions that were paid besides the one that counts.
    pub(crate) fn second_ids(&self) -> impl Iterator<Item = &CheckoutSessionId> {
        self.known.iter().filter(|it| it.second.is_some()).map(|it| &it.id)
    }

    /// The payments beside the one that counts, with the money that the flow keeps of each.
    pub(crate) fn second_payments(&self, money: impl Fn(&Session) -> SecondPaymentMoney) -> Vec<SecondPaymentReport> {
        let second = self.known.iter().filter(|it| it.second.is_some());
        let report = |it: &Session| {
            let SecondPaymentMoney { refundable, refunding, refunds } = money(it);
            SecondPaymentReport {
                checkout_session_id: it.id.clone(),
                payment_intent_ids: it.payment_intents.clone(),
                amount: it.paid().map(Money::unnamed),
                refunded: Money::unnamed(it.returned()),
                refundable,
                refunding,
                refunds,
            }
        };
        second.map(report).collect()
    }

    /// The refunds that the flow keeps have returned this much of the payment of a session.
    pub(crate) fn note_returned<F: Flex>(&mut self, id: &CheckoutSessionId, returned: Cents, cx: &mut Cx<'_, F>) {
        if let Some(session) = self.find_mut(id) {
            session.update_second(|it| (it.refunded, it.failed) = (returned, Cents::ZERO), cx);
        }
    }

    /// The refunds of the flow have returned the payment of this session.
    pub(crate) fn second_returned<F: Flex>(&mut self, id: &CheckoutSessionId, cx: &mut Cx<'_, F>) {
        self.find_mut(id).into_iter().for_each(|it| it.second_returned(cx));
    }
}
