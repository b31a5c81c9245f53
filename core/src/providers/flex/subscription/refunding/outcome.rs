//! The outcome of requested refunds: what proves them, what denies them, and what was done after all.

use alloc::string::String;
use alloc::vec::Vec;

use super::{OpenRefund, Refunding};
use crate::effect::{effect_of_key, idempotency_key};
use crate::flow::{Cause, Flow, Outcome, PollTimer, Reading};
use crate::id::{EffectId, Intent};
use crate::money::Cents;
use crate::providers::flex::api::calls::{CREATE_REFUND, Call, RefundsOf};
use crate::providers::flex::api::objects::{RefundObject, RefundStatus};
use crate::providers::flex::api::replies::Event;
use crate::providers::flex::disputes::WatchedDisputes;
use crate::providers::flex::ids::RefundId;
use crate::providers::flex::names::{Review, Verdict};
use crate::providers::flex::sessions::Made;
use crate::providers::flex::subscription::{Cx, Subscription};
use crate::time::Timestamp;

/// Whether the call is the refund with this effect id.
pub(in super::super) fn is_effect(call: &Call, effect: &EffectId) -> bool {
    matches!(call, Call::RefundPayment(have, _) if have == effect)
}

/// What a list of refunds says about a requested one.
enum Found {
    /// These refunds belong to the request.
    Certain(Vec<RefundId>),
    /// One of several may belong to the request.
    Possible,
    /// One would belong to the request, but was made before, unless a clock is wrong.
    Doubtful,
    /// No refund belongs to the request.
    Nothing,
}

impl Refunding {
    /// Compares the refund in a good reply with the known ones. A refund that was known before proves nothing, unless it
    /// returns the key.
    pub(in super::super) fn compare(&self, effect: &EffectId, event: Event, since: Timestamp) -> Reading<Event> {
        let Event::Refund(object) = event else { return Reading::Done(event) };
        let known = self.refunds.iter().find(|it| it.id == object.refund_id);
        let is_own = |intent: &Intent| intent.as_str() == effect.intent();
        let is_news = known.is_none_or(|it| it.intent.as_ref().map_or(it.since >= since, is_own));
        match object.echo.is_some() || is_news {
            true => Reading::Done(Event::Refund(object)),
            false => Reading::missing("/refund/refund_id"),
        }
    }

    /// Ends every open request that these refunds prove. `looked_up` is the request whose outcome was looked up, and
    /// whether the list is complete. Such a list may deny the request.
    pub(in super::super) fn settle(
        &mut self,
        list: &[&RefundObject],
        looked_up: Option<(&EffectId, bool)>,
        cx: &mut Cx<'_>,
    ) {
        for open in self.open.clone() {
            match self.find(&open, list, cx) {
                Found::Certain(ids) => self.proved(&open, &ids, cx),
                Found::Possible => cx.ask_about(|call| is_effect(call, &open.effect)),
                _ if looked_up.is_none_or(|(effect, _)| *effect != open.effect) => {}
                Found::Doubtful => cx.doubt(|call| is_effect(call, &open.effect)),
                Found::Nothing => self.missing(&open, looked_up.is_some_and(|(_, complete)| complete), cx),
            }
        }
        for object in list {
            self.note_echo(object, cx);
        }
    }

    /// The lookup of a request's outcome does not show its refund. Only a complete list can deny it.
    fn missing(&mut self, open: &OpenRefund, complete: bool, cx: &mut Cx<'_>) {
        if !complete || self.is_returned_otherwise(open) {
            cx.look_again(|call| is_effect(call, &open.effect));
        } else if cx.deny(|call| is_effect(call, &open.effect)).is_some() {
            self.not_made(&open.effect, Cause::NotMade);
        }
    }

    /// Whether an event has shown more refunded money of the payment than all known refunds explain.
    fn is_returned_otherwise(&self, open: &OpenRefund) -> bool {
        let is_of = |it: &&super::Refund| it.payment.as_deref().is_none_or(|of| of == open.payment);
        let known = self.refunds.iter().filter(is_of).filter_map(|it| it.amount).fold(Cents::ZERO, Cents::plus);
        self.charged(&open.payment) > known
    }

    /// Which of these refunds the request has made: those that return its key, or else the only new one of its amount.
    fn find(&self, open: &OpenRefund, list: &[&RefundObject], cx: &Cx<'_>) -> Found {
        let first_sent = |effect: &EffectId| {
            cx.pending(|call| is_effect(call, effect)).filter(|it| it.sent).and_then(|it| it.first_at)
        };
        let key = idempotency_key(Subscription::ID, cx.key(), &open.effect);
        let echoed: Vec<_> = list.iter().filter(|it| it.echo.as_ref() == Some(&key)).collect();
        if !echoed.is_empty() {
            return Found::Certain(echoed.iter().map(|it| it.refund_id.clone()).collect());
        }
        let Some(since) = first_sent(&open.effect) else { return Found::Nothing };
        let fits = |it: &RefundObject, made: Made| {
            let known = self.refunds.iter().find(|have| have.id == it.refund_id);
            let is_new = known.is_none_or(|it| it.intent.is_none() && it.since >= since);
            let is_of = known.and_then(|it| it.payment.as_deref()).is_none_or(|of| of == open.payment);
            let is_it = it.echo.is_none() && is_new && is_of && it.amount == Some(open.amount);
            is_it && Made::at(it.created_at, since) == made
        };
        let rival =
            |it: &&OpenRefund| it.effect != open.effect && it.payment == open.payment && it.amount == open.amount;
        let is_rivaled = self.open.iter().filter(rival).any(|it| first_sent(&it.effect).is_some());
        let fitting: Vec<_> = list.iter().filter(|it| fits(it, Made::Since)).collect();
        match fitting.as_slice() {
            [] if list.iter().any(|it| fits(it, Made::Doubtful)) => Found::Doubtful,
            [] => Found::Nothing,
            [one] if !is_rivaled => Found::Certain([one.refund_id.clone()].into()),
            _ => Found::Possible,
        }
    }

    /// A lookup or a webhook shows that a request has made these refunds.
    fn proved(&mut self, open: &OpenRefund, ids: &[RefundId], cx: &mut Cx<'_>) {
        let Some((first, rest)) = ids.split_first() else { return };
        cx.prove(|call| is_effect(call, &open.effect), Some(first.as_str()));
        for id in rest {
            cx.ask(Review::MadeTwice, id);
        }
        for id in ids {
            self.made(&open.effect, id, cx);
        }
    }

    /// A request has made this refund. An intent whose refund has failed can be used again.
    pub(in super::super) fn made(&mut self, effect: &EffectId, id: &RefundId, cx: &mut Cx<'_>) {
        let Ok(intent) = Intent::parse(effect.intent()) else { return };
        let requested = self.open.iter().find(|it| it.effect == *effect).cloned();
        self.open.retain(|it| it.effect != *effect);
        let Some(refund) = self.entry(id, cx.now()) else { return };
        refund.intent = Some(intent.clone());
        if let Some(requested) = requested {
            if refund.amount.is_some_and(|amount| amount != requested.amount) {
                cx.ask(Review::RefundedOtherAmount, &refund.id);
            }
            refund.amount = refund.amount.or(Some(requested.amount));
            refund.payment = refund.payment.take().or(Some(requested.payment));
        }
        let refund = refund.clone();
        // A person was asked about it as a refund of other origin.
        cx.withdraw_review(Review::Refunded, id.as_str());
        self.intents.settle(intent.as_str(), Outcome::Done);
        if refund.is_reversed() {
            self.failed_after_all(&refund, cx);
        }
    }

    /// A request has made no refund.
    pub(in super::super) fn not_made(&mut self, effect: &EffectId, cause: Cause) {
        self.open.retain(|it| it.effect != *effect);
        self.intents.settle(effect.intent(), Outcome::Failed(cause));
    }

    /// A person names the refund that a request has made, or says that it has made none.
    pub(in super::super) fn resolved(&mut self, effect: &EffectId, made_id: Option<&str>, cx: &mut Cx<'_>) {
        match made_id.and_then(|id| RefundId::parse(id).ok()) {
            Some(id) => self.made(effect, &id, cx),
            None => self.not_made(effect, Cause::Reviewed),
        }
    }

    /// Applies a refund that returns the key of a request which is over.
    fn note_echo(&mut self, object: &RefundObject, cx: &mut Cx<'_>) {
        let Some(effect) = ended_request(object, cx) else { return };
        let id = &object.refund_id;
        if self.is_ours(id.as_str()) {
            return;
        }
        if let Ok(Some(made)) = cx.after_all(|call| is_effect(call, &effect), id, Review::MadeAfterAll) {
            if let Some((again, _)) = &made.again {
                self.not_made(again, Cause::Dropped);
            }
            return self.made(&effect, id, cx);
        }
        let is_of_intent = |it: &&super::Refund| it.intent.as_ref().is_some_and(|of| of.as_str() == effect.intent());
        let twice = self.refunds.iter().filter(is_of_intent).any(|it| !it.is_reversed());
        let retry = self.open.iter().map(|it| &it.effect).find(|it| it.intent() == effect.intent()).cloned();
        cx.ask(if twice { Review::MadeTwice } else { Review::MadeAfterAll }, id);
        if let Some(retry) = retry.filter(|it| cx.pending(|call| is_effect(call, it)).is_some_and(|it| !it.sent)) {
            cx.withdraw_unsent(|call| is_effect(call, &retry));
            self.not_made(&retry, Cause::Dropped);
        }
        self.made(&effect, id, cx);
    }

    /// Withdraws unsent requests for which too little money is left, because it was refunded in another way. The bank may
    /// return a disputed payment, so its refunds are withdrawn too. After a won dispute they can be requested again.
    pub(in super::super) fn withdraw_moot(&mut self, disputes: &WatchedDisputes, cx: &mut Cx<'_>) {
        for open in self.open.clone() {
            let left = open.paid.minus(self.returned(&open.payment));
            let is_unsent = cx.pending(|call| is_effect(call, &open.effect)).is_some_and(|it| !it.sent);
            if is_unsent && (open.amount > left || disputes.blocks_refund_of(&open.payment)) {
                cx.withdraw_unsent(|call| is_effect(call, &open.effect));
                self.not_made(&open.effect, Cause::Dropped);
            }
        }
    }

    /// Plans the next lookup of each refund of ours that is pending, and a review at the end of its schedule.
    pub(in super::super) fn plan(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now();
        for refund in self.refunds.iter_mut().filter(|it| it.intent.is_some()) {
            if refund.status.rank() >= RefundStatus::Succeeded.rank() {
                if refund.settling.take().is_some() {
                    cx.withdraw_review(Review::RefundPending, refund.id.as_str());
                }
                continue;
            }
            let timer = refund.settling.get_or_insert_with(|| PollTimer::new(now));
            if let Some(payment) = refund.payment.clone().filter(|_| !timer.is_stopped()) {
                let lookup = Call::ListRefunds(RefundsOf::PaymentIntent(payment));
                cx.poll_then_ask(lookup, timer, Review::RefundPending, &refund.id);
            }
        }
    }

    /// A list of the refunds of a payment got a reply.
    pub(in super::super) fn looked(&mut self, payment: &str, cx: &Cx<'_>) {
        let is_of = |it: &&mut super::Refund| it.payment.as_deref() == Some(payment);
        for timer in self.refunds.iter_mut().filter(is_of).filter_map(|it| it.settling.as_mut()) {
            timer.looked(cx.leased_at());
        }
    }

    /// A person decides whether the flow waits longer for a pending refund. Returns whether the refund is known.
    pub(in super::super) fn reviewed(&mut self, about: &str, verdict: Verdict, cx: &mut Cx<'_>) -> bool {
        let Some(refund) = self.refunds.iter_mut().find(|it| it.id.as_str() == about) else { return false };
        if let Some(timer) = &mut refund.settling {
            match verdict {
                Verdict::KeepWaiting => *timer = PollTimer::new(cx.now()),
                _ => timer.stop(),
            }
        }
        self.plan(cx);
        true
    }

    /// The refunds of ours that have returned a whole payment, and that no person was asked about. `paid` is what the
    /// payment was.
    pub(in super::super) fn take_full(&mut self, payment: &str, paid: Cents) -> Option<RefundId> {
        if self.returned(payment) < paid {
            return None;
        }
        let is_it = |it: &&mut super::Refund| {
            it.intent.is_some() && !it.is_reversed() && it.payment.as_deref() == Some(payment)
        };
        let was_asked = self.refunds.iter().any(|it| it.asked && it.payment.as_deref() == Some(payment));
        let refund = self.refunds.iter_mut().filter(is_it).last().filter(|_| !was_asked)?;
        refund.asked = true;
        Some(refund.id.clone())
    }

    /// Whether refunds that have succeeded have returned a whole payment.
    pub(in super::super) fn has_returned(&self, payment: &str, paid: Cents) -> bool {
        let done = self.refunds.iter().filter(|it| it.payment.as_deref() == Some(payment));
        let done = done.filter(|it| it.status == RefundStatus::Succeeded).filter_map(|it| it.amount);
        done.fold(Cents::ZERO, Cents::plus) >= paid
    }
}

/// The request whose key a refund returns, if the request is over.
fn ended_request(object: &RefundObject, cx: &Cx<'_>) -> Option<EffectId> {
    let effect = of_key(object, cx)?;
    let is_over = cx.pending(|call| is_effect(call, &effect)).is_none();
    (effect.kind() == CREATE_REFUND.name && is_over).then_some(effect)
}

fn of_key(object: &RefundObject, cx: &Cx<'_>) -> Option<EffectId> {
    let key: &String = object.echo.as_ref()?;
    EffectId::parse(effect_of_key(Subscription::ID, cx.key(), key)?).ok()
}

/// Whether a refund returns a key of ours.
pub(in super::super) fn is_echo(object: &RefundObject, cx: &Cx<'_>) -> bool {
    of_key(object, cx).is_some()
}
