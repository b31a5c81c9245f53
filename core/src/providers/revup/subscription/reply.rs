//! Answers to our requests, and what follows when there is none.

use super::command::Event;
use super::state::{CREATED_OR_NOT, OpenRefund, Payment, Place, Subscription};
use super::{Context, Next};
use crate::fact::{Because, Verdict};
use crate::flow::{Outcome, Watch};
use crate::id::{EffectId, Intent};
use crate::providers::revup::call::Call;
use crate::providers::revup::ids::SubscriptionId;
use crate::providers::revup::rules::Rule;
use crate::providers::revup::wire::{
    Created, PaymentsSeen, Reason, Status, SubscriptionSeen, TransactionSeen, TransactionStatus,
};

/// What a review asks of a request whose outcome nothing shows.
pub(super) const OUTCOME_UNKNOWN: &str = "outcome_unknown";

const REFUNDED_OR_NOT: &[&str] = &["refunded", "not_refunded"];

pub(super) fn answered(at: Subscription, id: &EffectId, call: &Call, event: Event, cx: &mut Context<'_>) -> Next {
    match (event, call) {
        (Event::Created(reply), _) => created(at, reply, cx),
        (Event::Listed, _) => Ok(at.unknown(cx)),
        (Event::Seen(seen), _) => Ok(found(at, &seen, cx)),
        (Event::Payments(seen), Call::RetrievePayments(_, page)) => Ok(measured(at, &seen, *page, cx)),
        (Event::Cancelled(seen), _) => Ok(cancelled(at, &seen, cx)),
        (Event::Transaction(seen), Call::RetrieveTransaction(_, intent)) => Ok(looked_at(at, intent, Some(&seen), cx)),
        (Event::Transaction(seen), Call::RefundPayment(_)) => Ok(refunded(at, id, seen, cx)),
        _ => Err(Because::Unrelated.into()),
    }
}

fn created(mut at: Subscription, reply: Created, cx: &mut Context<'_>) -> Next {
    if at.place != Place::Requested {
        return Err(Because::Unrelated.into());
    }
    if let Some(asked) = &at.asked {
        cx.withdraw_word(OUTCOME_UNKNOWN, asked.as_str());
    }
    let echoed = !at.on_token || at.order.as_ref() == Some(&reply.order_id);
    cx.check(Rule::CreateOrderIdEcho, echoed);
    if !echoed {
        // It adds a review and replaces no state; but nothing is opened before a person has looked.
        cx.review("order_mismatch", reply.subscription_id.as_str(), &["ours", "not_ours"]);
        at.held = true;
    }
    if !at.on_token {
        cx.learn(reply.order_id.as_str());
        at.order = Some(reply.order_id);
    }
    at.bind(reply.subscription_id, cx);
    Ok(at)
}

/// Takes in how a look-up shows the subscription.
pub(super) fn found(mut at: Subscription, seen: &SubscriptionSeen, cx: &mut Context<'_>) -> Subscription {
    if at.place == Place::Adopting {
        cx.learn(seen.id.as_str());
    }
    if at.place == Place::Attested && at.plan.is_some() && seen.plan_id.is_some() && at.plan != seen.plan_id {
        // A subscription to another plan is not the one that we asked for, whatever a person says.
        return at.unknown(cx);
    }
    at.plan = at.plan.or_else(|| seen.plan_id.clone());
    if let Some(reason) = seen.cancellation.as_ref().and_then(|it| it.reason()) {
        at.reason = Some(reason);
    }
    match seen.status() {
        Status::Fulfilled => live(at, Place::Fulfilled, cx),
        Status::PastDue => live(at, Place::PastDue, cx),
        Status::Paused => live(at, Place::Paused, cx),
        Status::Archived => ended(at, Place::Archived, cx),
        Status::Cancelled => ended(at, Place::Cancelled, cx),
        Status::Unknown(_) => unclear(at, cx),
    }
}

fn ended(mut at: Subscription, to: Place, cx: &mut Context<'_>) -> Subscription {
    at.end(to, cx);
    at
}

fn live(mut at: Subscription, to: Place, cx: &mut Context<'_>) -> Subscription {
    if at.place.is_final() {
        at.contradict(cx);
        return at;
    }
    let (came, adopted) = (at.place != to, at.place == Place::Adopting);
    at.accept(cx);
    at.place = to;
    at.settle(cx);
    let Some(id) = &at.id else { return at };
    cx.withdraw_word("status_unknown", id.as_str());
    match to {
        Place::PastDue if came && !adopted => cx.notify("payment_failed", id.as_str(), None),
        Place::Fulfilled => cx.withdraw_word("payment_failed", id.as_str()),
        _ => {}
    }
    if came {
        at.grant(cx);
    }
    at.measure(cx);
    at
}

/// A status that no document lists is taken neither for paid nor for over.
fn unclear(mut at: Subscription, cx: &mut Context<'_>) -> Subscription {
    // The status before the first charge is settled has no documented name.
    if at.place == Place::Awaiting {
        at.inconclusive(cx);
    } else if at.place == Place::Attested {
        at.wait(cx);
    } else if !at.place.is_final() {
        at.place = Place::Unclear;
        if let Some(id) = &at.id {
            cx.review("status_unknown", id.as_str(), &["seen"]);
        }
        at.settle(cx);
    }
    at
}

/// Takes in until when the customer has paid, unless what stands is in doubt.
fn measured(mut at: Subscription, seen: &PaymentsSeen, page: u32, cx: &mut Context<'_>) -> Subscription {
    if at.place != Place::Fulfilled || at.watch.is_some() {
        at.period = None;
        return at;
    }
    match seen.paid_until() {
        Some(until) if !until.is_over(cx.now()) => {
            at.paid(until, cx);
            at.period = None;
            if let Some(id) = &at.id {
                cx.withdraw_word("no_period_end", id.as_str());
            }
            at.settle(cx);
        }
        None if seen.goes_on_after(page) => {
            if let Some(id) = at.id.clone() {
                cx.look_up(Call::RetrievePayments(id, page.saturating_add(1)));
            }
        }
        _ => unmeasured(&mut at, cx),
    }
    at
}

fn unmeasured(at: &mut Subscription, cx: &mut Context<'_>) {
    if let Some(watch) = &mut at.period {
        watch.looked();
        at.measure_on(cx);
    }
}

fn cancelled(mut at: Subscription, seen: &SubscriptionSeen, cx: &mut Context<'_>) -> Subscription {
    at.cancelling = false;
    let reason = seen.cancellation.as_ref().and_then(|it| it.reason());
    let done = at.id.as_ref() == Some(&seen.id) && seen.status() == Status::Cancelled;
    cx.check(Rule::CancelResponse, done && reason == Some(Reason::MerchantApi));
    if done {
        at.reason = reason.or(at.reason);
        at.end(Place::Cancelled, cx);
    } else if !at.place.is_final() {
        at.hint(cx);
    }
    at
}

/// The answer to a refund: it is done, or not, or still under way.
fn refunded(mut at: Subscription, id: &EffectId, seen: TransactionSeen, cx: &mut Context<'_>) -> Subscription {
    cx.withdraw_word(OUTCOME_UNKNOWN, id.as_str());
    match seen.status() {
        TransactionStatus::Success => at.refunds.settle(id.intent(), Outcome::Done),
        TransactionStatus::Failed => at.refunds.settle(id.intent(), Outcome::Failed),
        _ => {
            if let Ok(intent) = Intent::parse(id.intent()) {
                let (transaction, watch) = (seen.transaction_id, Watch::new(cx.now()));
                let open = OpenRefund { intent, of: id.clone(), transaction, watch };
                open.look(cx);
                at.open_refunds.push(open);
            }
        }
    }
    at
}

/// What a look at a transaction says of the refund of that name; nothing if it was lost.
fn looked_at(mut at: Subscription, of: &Intent, seen: Option<&TransactionSeen>, cx: &mut Context<'_>) -> Subscription {
    let index = at.open_refunds.iter().position(|it| it.intent == *of);
    let Some(open) = index.and_then(|index| at.open_refunds.get_mut(index)) else {
        // A payment's own transaction says nothing of a refund whose answer was lost.
        let lost = cx.owed(|call| call.is_refund(of.as_str())).filter(|it| it.sent).map(|it| it.id.clone());
        if let Some(id) = lost {
            cx.review(OUTCOME_UNKNOWN, id.as_str(), REFUNDED_OR_NOT);
        }
        return at;
    };
    let own = seen.filter(|seen| seen.transaction_id == open.transaction);
    let outcome = match own.map(TransactionSeen::status) {
        Some(TransactionStatus::Success) => Outcome::Done,
        Some(TransactionStatus::Failed) => Outcome::Failed,
        _ => {
            open.watch.looked();
            open.look(cx);
            return at;
        }
    };
    at.refund_ends(of.as_str(), outcome, cx);
    at
}

impl OpenRefund {
    /// Plans the next look at it, or has a person look once the schedule is over.
    pub(super) fn look(&self, cx: &mut Context<'_>) {
        let call = Call::RetrieveTransaction(self.transaction.clone(), self.intent.clone());
        if !cx.look_up_on_schedule(call, &self.watch) {
            cx.review(OUTCOME_UNKNOWN, self.of.as_str(), REFUNDED_OR_NOT);
        }
    }
}

impl Subscription {
    /// Revup's name for it is known.
    pub(super) fn bind(&mut self, id: SubscriptionId, cx: &mut Context<'_>) {
        cx.learn(id.as_str());
        self.id = Some(id);
        self.wait(cx);
    }

    /// The wait for its first charge begins.
    pub(super) fn wait(&mut self, cx: &mut Context<'_>) {
        self.place = Place::Awaiting;
        self.payment = Payment::Awaited;
        self.watch = Some(Watch::new(cx.now()));
        self.watch(cx);
    }

    /// There is none, and nothing is asked for.
    fn vanish(&mut self, cx: &mut Context<'_>) {
        cx.withdraw(|_| true);
        if let Some(id) = &self.id {
            for word in ["no_signal", "not_found", "order_mismatch"] {
                cx.withdraw_word(word, id.as_str());
            }
        }
        *self = Self::default();
    }

    /// Nothing shows what came of the creation: a person does.
    pub(super) fn unknown(self, cx: &mut Context<'_>) -> Self {
        if let Some(asked) = &self.asked {
            cx.review(OUTCOME_UNKNOWN, asked.as_str(), CREATED_OR_NOT);
        }
        self
    }

    fn refund_ends(&mut self, intent: &str, outcome: Outcome, cx: &mut Context<'_>) {
        self.refunds.settle(intent, outcome);
        cx.withdraw(|call| matches!(call, Call::RetrieveTransaction(_, of) if of.as_str() == intent));
        if let Some(index) = self.open_refunds.iter().position(|it| it.intent.as_str() == intent) {
            let open = self.open_refunds.remove(index);
            cx.withdraw_word(OUTCOME_UNKNOWN, open.of.as_str());
        }
    }
}

pub(super) fn refused(mut at: Subscription, id: &EffectId, call: &Call, status: u16, cx: &mut Context<'_>) -> Next {
    match call {
        Call::CreateSubscription(_) => {
            cx.withdraw_word(OUTCOME_UNKNOWN, id.as_str());
            at.vanish(cx);
        }
        Call::RetrieveSubscription(_) if at.place == Place::Adopting => at.vanish(cx),
        Call::RetrieveSubscription(_) if at.place == Place::Attested => return Ok(at.unknown(cx)),
        Call::RetrieveSubscription(of) => {
            if status == 404 {
                cx.review("not_found", of.as_str(), &["seen"]);
            }
            return missed(at, call, cx);
        }
        Call::CancelSubscription(..) => {
            at.cancelling = false;
            if !at.place.is_final() {
                at.hint(cx);
            }
        }
        Call::RefundPayment(_) => {
            cx.withdraw_word(OUTCOME_UNKNOWN, id.as_str());
            at.refunds.settle(id.intent(), Outcome::Failed);
        }
        _ => return missed(at, call, cx),
    }
    Ok(at)
}

/// A look-up was lost, or refused: it counts as one that proves nothing.
pub(super) fn missed(mut at: Subscription, call: &Call, cx: &mut Context<'_>) -> Next {
    match call {
        Call::FindTransactions(_) => return Ok(at.unknown(cx)),
        Call::RetrieveSubscription(_) if matches!(at.place, Place::Adopting | Place::Attested) => cx.look_up(call.clone()),
        Call::RetrieveSubscription(_) if !at.place.is_final() => at.inconclusive(cx),
        Call::RetrievePayments(..) => unmeasured(&mut at, cx),
        Call::RetrieveTransaction(_, intent) => return Ok(looked_at(at, intent, None, cx)),
        _ => {}
    }
    Ok(at)
}

pub(super) fn judged(mut at: Subscription, reason: &str, of: &str, verdict: &Verdict, cx: &mut Context<'_>) -> Next {
    match (reason, verdict) {
        (OUTCOME_UNKNOWN, Verdict::About { verdict, id }) if verdict == "created" => {
            cx.withdraw(|call| call.is_create() || call.is_of_status());
            if let Ok(id) = SubscriptionId::parse(id) {
                cx.learn(id.as_str());
                at.id = Some(id);
                at.place = Place::Attested;
                at.confirm(cx);
            }
        }
        (OUTCOME_UNKNOWN, _) if verdict.name() == "not_created" => {
            let Subscription { order, asked, plan, currency, on_token, .. } = at.clone();
            at.vanish(cx);
            // An event that names the order can still tell otherwise.
            at = Subscription { order, asked, plan, currency, on_token, ..at };
        }
        (OUTCOME_UNKNOWN, _) => {
            let Ok(id) = EffectId::parse(of) else { return Ok(at) };
            let outcome = if verdict.name() == "refunded" { Outcome::Done } else { Outcome::Failed };
            cx.withdraw(|call| call.is_refund(id.intent()));
            at.refund_ends(id.intent(), outcome, cx);
        }
        ("order_mismatch", _) if verdict.name() == "ours" => {
            at.held = false;
            at.grant(cx);
            at.measure(cx);
        }
        ("no_signal", _) if verdict.name() == "stop_waiting" => {
            if let Some(watch) = &mut at.watch {
                watch.stop();
            }
        }
        _ => {}
    }
    Ok(at)
}
