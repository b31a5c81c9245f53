//! The requests for refunds: their amounts, and what replies, lookups and webhooks show of them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Payment;
use super::outcome::{OpenRequest, is_effect};
use super::refund::{Refund, RefundMatch, RequestedRefund};
use crate::effect::idempotency_key;
use crate::flow::{Flow, IntentStatus, Reading, Stop};
use crate::id::{Digest, EffectId};
use crate::json::encode;
use crate::money::Cents;
use crate::providers::flex::api::calls::{CREATE_REFUND, Call};
use crate::providers::flex::api::objects::{RefundObject, SessionObject};
use crate::providers::flex::api::replies::Event;
use crate::providers::flex::api::request::{CreateRefund, RefundItem};
use crate::providers::flex::api::session_request::{echoed_key, with_echo};
use crate::providers::flex::checkout::{Checkout, Cx};
use crate::providers::flex::ids::RefundId;
use crate::providers::flex::names::Review;
use crate::providers::flex::sessions::Session;
use crate::time::Timestamp;

impl CreateRefund {
    /// The requested amount, as far as it is known. Without an amount and items it is everything that is left.
    pub(in super::super) fn requested_amount(&self, left: Cents) -> Cents {
        let apart = self.parts().fold(Cents::ZERO, Cents::plus);
        match (&self.amount, self.line_items.as_deref()) {
            (Some(amount), _) => *amount,
            (None, Some(items @ [_, ..])) => item_amounts(items).fold(Cents::ZERO, Cents::plus),
            _ if apart > Cents::ZERO => apart,
            _ => left,
        }
    }

    /// The tax and the shipping. No document says whether the amount includes them.
    pub(in super::super) fn parts(&self) -> impl Iterator<Item = Cents> {
        [self.amount_tax, self.amount_shipping].into_iter().flatten()
    }

    /// Whether every named amount is valid: a negative amount cannot offset another.
    pub(in super::super) fn has_valid_amounts(&self) -> bool {
        let items = self.line_items.iter().flat_map(|items| item_amounts(items));
        self.amount.into_iter().chain(items).all(|amount| amount > Cents::ZERO)
            && self.parts().chain(self.amount_discount).all(|amount| amount >= Cents::ZERO)
    }

    /// The least that the request refunds. A whole item is at least 1 cent.
    pub(in super::super) fn minimum(&self) -> Cents {
        let whole = self.line_items.iter().flatten().any(|item| item.amount_to_refund.is_none());
        if whole { Cents::new(1) } else { Cents::ZERO }
    }

    /// The fingerprint of the request.
    fn content(&self) -> Digest {
        // Each session has intents of its own, and the one that settles the checkout need not be named.
        let bare = Self { checkout_session_id: None, ..self.clone() };
        Digest::of([encode(&bare).as_bytes()])
    }
}

fn item_amounts(items: &[RefundItem]) -> impl Iterator<Item = Cents> {
    items.iter().filter_map(|item| item.amount_to_refund)
}

impl OpenRequest {
    /// What a list of refunds says about the request. If the request was not sent, only a returned key counts.
    fn matching(&self, payment: &Payment, list: &[RefundObject]) -> RefundMatch {
        match self.since {
            Some(_) => payment.matching(&self.refund(), list),
            None => {
                let echoed: Vec<_> = list.iter().filter(|it| it.echo.as_ref() == Some(&self.key)).cloned().collect();
                payment.matching(&self.refund(), &echoed)
            }
        }
    }

    /// The request as a refund.
    fn refund(&self) -> RequestedRefund<'_> {
        let (key, since) = (Some(self.key.as_str()), self.since.unwrap_or_default());
        RequestedRefund { key, amount: self.amount, since, is_unrivaled: self.is_unrivaled }
    }
}

impl Payment {
    /// The status of the intent that the refund names.
    pub(in super::super) fn refund_status(&self, refund: &CreateRefund) -> Option<IntentStatus> {
        Some(self.returns.status_of(refund.intent.as_ref()?, refund.content()))
    }

    /// Requests a refund.
    pub(in super::super) fn refund(
        &mut self,
        mut refund: CreateRefund,
        session: &Session,
        cx: &mut Cx<'_>,
    ) -> Result<(), Stop> {
        let amount = refund.requested_amount(self.refundable(session.is_manual()));
        let Some(intent) = refund.intent.clone() else { return Err(Stop::NotNow) };
        let content = refund.content();
        let number = self.returns.status_of(&intent, content).number()?;
        let effect = EffectId::of_intent(CREATE_REFUND.name, &intent, number);
        refund.checkout_session_id = None;
        with_echo(&mut refund.refund_metadata, &idempotency_key(Checkout::ID, cx.key(), &effect));
        cx.request_as(Call::CreateRefund(session.id().clone(), effect.clone(), Box::new(refund)), &intent, number);
        // A person who waits for no older refund any more still waits for this one.
        self.settling.take_if(|timer| timer.is_stopped());
        self.refunding.add(effect, amount, self.returned());
        self.returns.open(intent, content, number, (amount.into(), cx.now()));
        Ok(())
    }

    /// Whether a successful reply proves a refund: its session shows a new one.
    pub(super) fn compare_refund(
        &self,
        effect: &EffectId,
        refund: &CreateRefund,
        object: Box<SessionObject>,
        since: Timestamp,
    ) -> Reading<Event> {
        let amount = self.refunding.amount(effect).unwrap_or_default();
        let key = echoed_key(refund.refund_metadata.as_ref());
        let requested = RequestedRefund { key: key.as_deref(), amount, since, is_unrivaled: true };
        match self.matching(&requested, refunds(&object)) {
            RefundMatch::Certain(mut ids) | RefundMatch::Possible(mut ids) if !ids.is_empty() => {
                // A refund of an earlier sending comes last, because it is not news.
                ids.sort_by_key(|id| self.is_ours(id));
                Reading::Done(Event::Refunded(object, ids))
            }
            _ => Reading::missing("/checkout_session/refunds"),
        }
    }

    /// Settles a refund by what a session shows. `is_outcome_lookup` is whether the lookup was made for this request.
    pub(super) fn settle_refund(
        &mut self,
        object: &SessionObject,
        open: &OpenRequest,
        is_outcome_lookup: bool,
        cx: &mut Cx<'_>,
    ) {
        match open.matching(self, refunds(object)) {
            RefundMatch::Certain(ids) => {
                cx.prove(|call| is_effect(call, &open.effect), ids.first().map(|id| id.as_str()));
                for twice in self.more_than_requested(&ids, open.amount) {
                    cx.ask(Review::MadeTwice, &twice);
                }
                self.check_refunded(&ids, open.amount, cx);
                self.refund_made(&open.effect, &ids);
            }
            RefundMatch::Possible(_) => cx.ask_about(|call| is_effect(call, &open.effect)),
            RefundMatch::None if !is_outcome_lookup => {}
            RefundMatch::None if self.may_have_refunded(&open.refund(), refunds(object)) => {
                cx.doubt(|call| is_effect(call, &open.effect));
            }
            RefundMatch::None => self.refund_missing(object, &open.effect, cx),
        }
    }

    /// The lookup of a refund's outcome does not show the refund.
    fn refund_missing(&mut self, object: &SessionObject, effect: &EffectId, cx: &mut Cx<'_>) {
        let unlisted = Self::unlisted(object) > Cents::ZERO;
        let grown = self.refunding.grown(self.returned()) > Cents::ZERO;
        match &object.refunds {
            _ if unlisted && grown => cx.ask_about(|call| is_effect(call, effect)),
            Some(list) if list.complete => self.deny(effect, cx),
            _ => cx.look_again(|call| is_effect(call, effect)),
        }
    }

    /// Applies the reply to a refund. Returns the refunds that exceed the requested amount.
    pub(in super::super) fn on_refund_reply(
        &mut self,
        effect: &EffectId,
        object: &SessionObject,
        ids: &[RefundId],
        cx: &mut Cx<'_>,
    ) -> Vec<RefundId> {
        self.note_refunds(object, cx);
        let requested_amount = self.refunding.amount(effect).unwrap_or_default();
        let surplus = self.more_than_requested(ids, requested_amount);
        // Every refund that returns the request's key belongs to it. Of the others, only as many as it needs.
        let echoed = |id: &RefundId| refunds(object).iter().any(|it| it.refund_id == *id && it.echo.is_some());
        let made: Vec<_> = ids.iter().filter(|id| !surplus.contains(id) || echoed(id)).cloned().collect();
        self.check_refunded(&made, requested_amount, cx);
        self.refund_made(effect, &made);
        surplus
    }

    /// Asks a person about refunds that exceed the requested amount, unless another request has made them.
    pub(in super::super) fn ask_about_surplus(&self, effect: &EffectId, surplus: &[RefundId], cx: &mut Cx<'_>) {
        let others = |it: &&Refund| it.is_of_another(effect);
        let of_others: Vec<_> = self.refunds.iter().filter(others).map(|it| &it.id).collect();
        for twice in surplus.iter().filter(|it| !of_others.contains(it)) {
            cx.ask(Review::MadeTwice, twice);
        }
    }

    /// Applies a verified webhook about a refund to the request whose key it returns, or else to the only one that
    /// matches.
    pub(super) fn settle_refund_webhook(&mut self, object: &RefundObject, cx: &mut Cx<'_>) {
        for open in self.refunding.requests(cx) {
            if let RefundMatch::Certain(ids) = open.matching(self, core::slice::from_ref(object)) {
                cx.prove(|call| is_effect(call, &open.effect), Some(object.refund_id.as_str()));
                return self.refund_made(&open.effect, &ids);
            }
        }
        self.note_echoed_refund(object, cx);
    }
}

/// The refunds that a session shows.
pub(super) fn refunds(object: &SessionObject) -> &[RefundObject] {
    object.refunds.as_ref().map(|it| it.list.as_slice()).unwrap_or_default()
}
