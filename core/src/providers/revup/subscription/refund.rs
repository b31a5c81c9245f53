//! What becomes of a refund: done, failed, under way, or unknown until a look-up or a person tells.

use super::Context;
use super::name::Name;
use super::state::{OpenRefund, Subscription};
use crate::fact::Origin;
use crate::flow::{Outcome, Watch};
use crate::id::{EffectId, Intent};
use crate::providers::revup::amount::Decimal;
use crate::providers::revup::call::{Call, RefundPayment};
use crate::providers::revup::event::{EventSeen, PaymentType};
use crate::providers::revup::ids::TransactionId;
use crate::providers::revup::notification::{Notification, TransactionType};
use crate::providers::revup::payments::Made;
use crate::providers::revup::wire::{TransactionSeen, TransactionStatus, TransactionsSeen};
use crate::time::{Millis, Timestamp};

/// What a person says of a refund that Revup never finished.
const REFUNDED_OR_NOT: &[&str] = &["refunded", "not_refunded", "keep_waiting"];

/// The review of a refund that Revup never finished.
pub(super) const UNFINISHED: &str = "refund_unfinished";

/// By how much Revup's clock may be behind ours.
const SKEW: Millis = Millis::from_minutes(5);

/// The reply to a refund, or the look-up that found it: it is done, or not, or still under way.
pub(super) fn made(
    at: &mut Subscription,
    id: &EffectId,
    of: &RefundPayment,
    seen: &TransactionSeen,
    cx: &mut Context<'_>,
) {
    cx.learn(seen.id.as_str());
    at.ledger.refunded(&seen.id);
    let asked = of.amount.decimal().unwrap_or(Decimal::ZERO);
    let amount = other_amount(at, &of.transaction_id, asked, seen, cx);
    match seen.status {
        TransactionStatus::Success => ends(at, id.intent(), of, true, cx),
        TransactionStatus::Failed => ends(at, id.intent(), of, false, cx),
        _ => {
            cx.withdraw(|call| call.is_of_refund(id.intent()));
            if let Ok(intent) = Intent::parse(id.intent()) {
                let (transaction, payment) = (seen.id.clone(), of.transaction_id.clone());
                let (of, watch) = (id.clone(), Watch::new(cx.now()));
                let open = OpenRefund { intent, of, transaction, payment, amount, watch };
                open.look(cx);
                at.open_refunds.push(open);
            }
        }
    }
}

/// A refund was made that had been ended as not made: its money counts again.
pub(super) fn made_after_all(
    at: &mut Subscription,
    id: &EffectId,
    of: &RefundPayment,
    seen: &TransactionSeen,
    cx: &mut Context<'_>,
) {
    if at.ledger.knows(&seen.id) {
        return;
    }
    at.ledger.give(&of.transaction_id, of.amount.decimal().unwrap_or(Decimal::ZERO));
    made(at, id, of, seen, cx)
}

/// How much goes back by a refund: what is shown where that is more than was asked for. A person looks at any other amount.
fn other_amount(
    at: &mut Subscription,
    payment: &TransactionId,
    asked: Decimal,
    seen: &TransactionSeen,
    cx: &mut Context<'_>,
) -> Decimal {
    let Some(shown) = seen.money.amount.filter(|it| !it.is(asked)) else { return asked };
    cx.review("other_amount", seen.id.as_str(), &["seen"]);
    let more = shown.minus(asked).filter(|it| !it.is_negative() && seen.status != TransactionStatus::Failed);
    let Some(more) = more else { return asked };
    at.ledger.give(payment, more);
    shown
}

/// The reply to a refund proves nothing, and still names its transaction: a look-up by its id tells more than a search.
pub(super) fn named(of: &RefundPayment, transaction: TransactionId, cx: &mut Context<'_>) {
    let Some(intent) = of.intent.clone() else { return };
    cx.withdraw(|call| call.is_of_refund(intent.as_str()));
    cx.learn(transaction.as_str());
    cx.look_up(Call::RetrieveTransaction(transaction, intent));
}

/// A look-up shows a transaction: the refund's own, or the payment's, whose order lists its refunds.
pub(super) fn looked(at: &mut Subscription, of: &Intent, seen: &TransactionSeen, cx: &mut Context<'_>) {
    if let Some(index) = at.open_refunds.iter().position(|it| it.intent == *of) {
        return followed(at, index, seen, cx);
    }
    let Some((_, refund)) = lost(of, cx) else { return };
    if seen.id != refund.transaction_id {
        // Its own id came with a reply that proved nothing.
        return if seen.is_a_refund() { shown(at, of, seen, cx) } else { asked(of, cx) };
    }
    if let Some(amount) = seen.money.amount.filter(|_| seen.status == TransactionStatus::Success) {
        let (transaction, currency) = (seen.id.clone(), seen.money.currency.clone());
        at.ledger.note(Made { transaction, amount, currency, payment: None }, true);
    }
    match &seen.order {
        Some(order) => cx.look_up(Call::FindRefund(order.clone(), of.clone())),
        // Nothing leads from the payment to its refunds.
        None => asked(of, cx),
    }
}

/// A look-up shows the transaction of a refund that is under way.
fn followed(at: &mut Subscription, index: usize, seen: &TransactionSeen, cx: &mut Context<'_>) {
    let Some(open) = at.open_refunds.get_mut(index) else { return };
    let own = seen.id == open.transaction && (seen.is_a_refund() || seen.id != open.payment && seen.kind.is_none());
    match seen.status {
        TransactionStatus::Success if own => {
            let (payment, asked) = (open.payment.clone(), open.amount);
            if seen.money.amount.and_then(|it| it.at_most(asked)) == Some(false) {
                other_amount(at, &payment, asked, seen, cx);
            }
            at.closes(index, true, cx);
        }
        TransactionStatus::Failed if own => at.closes(index, false, cx),
        _ => {
            open.watch.looked(cx.begun_at());
            open.look(cx);
        }
    }
}

/// A look-up shows the transactions of the payment's order: the refund is the new one that gives back what was asked for.
pub(super) fn listed(at: &mut Subscription, of: &Intent, seen: &TransactionsSeen, cx: &mut Context<'_>) {
    // What turns out to be ours is taken out again once it is known by its transaction.
    counted(at, seen);
    let Some((first_at, refund)) = lost(of, cx) else { return };
    let since = first_at.as_millis().saturating_sub(SKEW.as_u64().cast_signed());
    let (mut odd, mut found) = (seen.odd, None);
    let others = |it: &&TransactionSeen| it.is_a_refund() && it.id != refund.transaction_id;
    for it in seen.all.iter().filter(others).filter(|it| !at.ledger.knows(&it.id)) {
        match fits(it, &refund, since) {
            Some(true) if found.is_some() => return asked(of, cx),
            Some(true) => found = Some(it),
            Some(false) => {}
            None => odd = true,
        }
    }
    match found {
        Some(it) => shown(at, of, it, cx),
        // A list that may lack an entry denies nothing, nor does one without the payment itself.
        None if odd || !seen.all.iter().any(|it| it.id == refund.transaction_id) => {
            cx.look_again(|call| call.is_refund(of.as_str()));
        }
        None => denied(at, of, cx),
    }
}

/// Whether a refund gives back what was asked for, and was made since; nothing where it does not say.
fn fits(seen: &TransactionSeen, asked: &RefundPayment, since: i64) -> Option<bool> {
    let amount = seen.money.amount?.is(asked.amount.decimal()?);
    let currency = seen.money.currency.as_ref().is_none_or(|it| it.eq_ignore_ascii_case(&asked.currency));
    if !amount || !currency {
        return Some(false);
    }
    Some(seen.created?.as_millis() >= since)
}

/// A look-up shows the refund: the request was done, whatever has become of the money.
fn shown(at: &mut Subscription, of: &Intent, seen: &TransactionSeen, cx: &mut Context<'_>) {
    if let Some((id, call)) = cx.prove(|call| call.is_refund(of.as_str()), Some(seen.id.as_str()))
        && let Call::RefundPayment(refund) = &*call
    {
        made(at, &id, refund, seen, cx);
    }
}

/// A look-up denies the refund, or its transaction.
pub(super) fn denied(at: &mut Subscription, of: &Intent, cx: &mut Context<'_>) {
    if let Some(open) = at.open_refunds.iter_mut().find(|it| it.intent == *of) {
        // Revup has named it before.
        open.watch.looked(cx.begun_at());
        open.look(cx);
        return;
    }
    if let Some((id, call)) = cx.deny(|call| call.is_refund(of.as_str()))
        && let Call::RefundPayment(refund) = &*call
    {
        ends(at, id.intent(), refund, false, cx);
    }
}

/// Nothing more can be found out about a refund: a person is asked.
fn asked(of: &Intent, cx: &mut Context<'_>) {
    cx.ask_about(|call| call.is_refund(of.as_str()));
}

/// A look-up for a refund is given up by a person.
pub(super) fn given_up(at: &Subscription, of: &Intent, cx: &mut Context<'_>) {
    match at.open_refunds.iter().find(|it| it.intent == *of) {
        Some(open) => cx.review(UNFINISHED, open.of.as_str(), REFUNDED_OR_NOT),
        None => cx.ask_about(|call| call.is_refund(of.as_str())),
    }
}

/// A refund whose outcome is unknown, and when it was begun first.
fn lost(of: &Intent, cx: &Context<'_>) -> Option<(Timestamp, RefundPayment)> {
    let it = cx.owed(|call| call.is_refund(of.as_str())).filter(|it| it.sent)?;
    match it.call {
        Call::RefundPayment(refund) => Some((it.first_at?, (**refund).clone())),
        _ => None,
    }
}

/// It is known what has become of a refund's request.
pub(super) fn ends(at: &mut Subscription, intent: &str, of: &RefundPayment, done: bool, cx: &mut Context<'_>) {
    cx.withdraw(|call| call.is_of_refund(intent));
    at.refunds.settle(intent, if done { Outcome::Done } else { Outcome::Failed });
    if !done {
        at.ledger.take_back(&of.transaction_id, of.amount.decimal().unwrap_or(Decimal::ZERO));
    }
}

/// A notification is about a refund: with proof of its origin it ends the one that it names; otherwise that is looked up.
/// Whether there is any that it may be about.
pub(super) fn notified(at: &mut Subscription, seen: &Notification, origin: Origin, cx: &mut Context<'_>) -> bool {
    let Some(index) = at.open_refunds.iter().position(|it| it.transaction == seen.transaction) else {
        if seen.status == TransactionStatus::Success && !at.ledger.knows(&seen.transaction) {
            cx.look_up(Call::FindTransactions(seen.order.clone()));
        }
        return told(at, cx);
    };
    match seen.status {
        TransactionStatus::Success if origin == Origin::Verified => at.closes(index, true, cx),
        TransactionStatus::Failed if origin == Origin::Verified => at.closes(index, false, cx),
        _ => {
            if let Some(open) = at.open_refunds.get_mut(index) {
                open.watch.returned(cx.now());
                open.look(cx);
            }
        }
    }
    true
}

/// Money is told to go back: every refund that is not over is looked at. Whether there is any.
pub(super) fn told(at: &mut Subscription, cx: &mut Context<'_>) -> bool {
    let now = cx.now();
    for open in &mut at.open_refunds {
        open.watch.returned(now);
        open.look(cx);
    }
    let lost = cx.all_sent(|call| matches!(call, Call::RefundPayment(_)));
    for call in &lost {
        if let Some(look_up) = crate::effect::Call::outcome_look_up(&**call) {
            cx.look_up(look_up);
        }
    }
    !(lost.is_empty() && at.open_refunds.is_empty())
}

/// An event lists refunds: with proof, those that are not ours count at once; otherwise the order's transactions tell.
pub(super) fn listed_by(at: &mut Subscription, event: &EventSeen, origin: Origin, cx: &mut Context<'_>) {
    let Some(payment) = event.payment_name() else { return };
    let proved = origin == Origin::Verified;
    let mut is_new = false;
    for (transaction, amount) in event.refunds() {
        is_new |= !(at.ledger.knows(&transaction) || at.ledger.counts(&transaction));
        at.ledger.note_other(&transaction, Name::of(&payment), amount, proved);
    }
    let first = event.payment_type() == Some(PaymentType::Initial);
    let order = event.order().or_else(|| at.order.clone().filter(|_| first));
    if let Some(order) = order.filter(|_| is_new && !proved && at.place.is_known()) {
        cx.look_up(Call::FindTransactions(order));
    }
}

/// A look-up shows the transactions of an order: its refunds that are not ours count, by their transactions.
pub(super) fn counted(at: &mut Subscription, seen: &TransactionsSeen) {
    let is_done = |it: &&TransactionSeen| it.status == TransactionStatus::Success;
    let mut payments = seen.all.iter().filter(is_done).filter(|it| it.kind == Some(TransactionType::Payment));
    // Nothing links a refund to one of several payments, unless an event does.
    let alone = match (payments.next(), payments.next()) {
        (Some(it), None) if !seen.odd => Some(it.id.as_str()),
        _ => None,
    };
    for it in seen.all.iter().filter(is_done).filter(|it| it.is_a_refund()) {
        let payment = at.ledger.payment_of(&it.id).or_else(|| alone.map(Name::of));
        if let (Some(payment), Some(amount)) = (payment, it.money.amount) {
            at.ledger.note_other(&it.id, payment, amount, true);
        }
    }
}

impl OpenRefund {
    /// Plans the next look at it, and a person's judgement at the end of the schedule.
    pub(super) fn look(&self, cx: &mut Context<'_>) {
        let call = Call::RetrieveTransaction(self.transaction.clone(), self.intent.clone());
        cx.watch(call, &self.watch, UNFINISHED, self.of.as_str(), REFUNDED_OR_NOT);
    }
}

impl TransactionSeen {
    /// Whether it is said to give money back.
    fn is_a_refund(&self) -> bool {
        self.kind == Some(TransactionType::Refund)
    }
}

impl Subscription {
    /// A refund under way is over.
    pub(super) fn closes(&mut self, index: usize, done: bool, cx: &mut Context<'_>) {
        if index >= self.open_refunds.len() {
            return;
        }
        let open = self.open_refunds.remove(index);
        cx.withdraw(|call| call.is_of_refund(open.intent.as_str()));
        cx.withdraw_word(UNFINISHED, open.of.as_str());
        self.refunds.settle(open.intent.as_str(), if done { Outcome::Done } else { Outcome::Failed });
        if !done {
            self.ledger.take_back(&open.payment, open.amount);
        }
    }
}
