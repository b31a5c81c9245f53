//! The refunds: the requested ones, and those that Revup has not finished.

mod denied;
mod done;
mod lookup;
mod others;
mod restored;

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::ledger::Ledger;
use super::overview::RefundReport;
use super::{Cx, Rules};
use crate::effect::Wait;
use crate::fact::Origin;
use crate::flow::{Cause, IntentStatus, Intents, Outcome, PollTimer, Stop, ToDo};
use crate::id::TypedId;
use crate::id::{Digest, EffectId, Intent};
use crate::json::encode;
use crate::providers::revup::amount::{Amount, Decimal};
use crate::providers::revup::api::calls::{Call, RefundPayment};
use crate::providers::revup::api::notification::Notification;
use crate::providers::revup::api::replies::{TransactionReply, TransactionStatus};
use crate::providers::revup::ids::TransactionId;
use crate::providers::revup::names::{Notice, Review, SignalName, Verdict};

pub(super) use lookup::on_named;

/// The refunds of a subscription.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionRefunds"))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Refunds {
    /// Every refund, by its intent.
    intents: Intents,
    /// The refunds that Revup has accepted but not finished.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    open: Vec<OpenRefund>,
    /// The last refunds that Revup accepted, and that a person says did not happen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    denied: Vec<OpenRefund>,
    /// The last refunds that Revup has shown as done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    done: Vec<OpenRefund>,
    /// The refunds that were requested after the row was restored from a backup, until a list of the order shows that they
    /// were not made before.
    #[serde(rename = "unseen", skip_serializing_if = "Vec::is_empty")]
    unchecked: Vec<Intent>,
}

/// A refund that Revup has accepted but not finished.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionOpenRefund"))]
#[serde(deny_unknown_fields)]
struct OpenRefund {
    /// The intent.
    intent: Intent,
    /// The effect of its request.
    #[serde(rename = "of")]
    request: EffectId,
    /// The transaction of the refund.
    transaction: TransactionId,
    /// The payment's transaction.
    payment: TransactionId,
    /// The amount.
    amount: Decimal,
    /// The wait for its end.
    #[serde(rename = "watch")]
    timer: PollTimer,
}

impl OpenRefund {
    /// The refund of a request, with its transaction.
    fn of(
        id: &EffectId,
        refund: &RefundPayment,
        transaction: TransactionId,
        amount: Decimal,
        cx: &Cx<'_>,
    ) -> Option<Self> {
        let intent = Intent::parse(id.intent()).ok()?;
        let (request, payment, timer) = (id.clone(), refund.transaction_id.clone(), PollTimer::new(cx.now()));
        Some(Self { intent, request, transaction, payment, amount, timer })
    }

    /// Schedules the next lookup, and a review for the end of the schedule.
    fn schedule_lookup(&self, cx: &mut Cx<'_>) {
        let call = Call::RetrieveTransaction(self.transaction.clone(), self.intent.clone());
        cx.poll_then_ask(call, &self.timer, Review::RefundUnfinished, &self.request);
    }
}

impl Refunds {
    /// The status of an intent, compared with the refund.
    pub(super) fn status_of(&self, intent: &Intent, refund: &RefundPayment) -> IntentStatus {
        self.intents.status_of(intent, fingerprint(refund))
    }

    pub(super) const fn intents(&self) -> &Intents {
        &self.intents
    }

    /// The refunds that Revup has not finished. `currency` is that of a payment.
    pub(super) fn reports<'c>(&self, currency: impl Fn(&TransactionId) -> Option<&'c str>) -> Vec<RefundReport> {
        let report = |it: &OpenRefund| RefundReport {
            transaction_id: it.transaction.clone(),
            payment_id: Some(it.payment.as_str().into()),
            intent: Some(it.intent.clone()),
            amount: it.amount.in_smallest_unit(currency(&it.payment)),
        };
        self.open.iter().map(report).collect()
    }

    /// The refunds without an outcome, by their payments: those that are requested, and those that Revup has not finished.
    pub(super) fn unconfirmed(&self, view: &Rules<'_>) -> Vec<(TransactionId, Decimal)> {
        let requested = view.calls().filter_map(|call| match call {
            Call::RefundPayment(refund) => Some((refund.transaction_id.clone(), requested_amount(refund))),
            _ => None,
        });
        requested.chain(self.open.iter().map(|it| (it.payment.clone(), it.amount))).collect()
    }

    /// The ids by which notifications find the flow. A refund has its own transaction, and a chargeback has that of the
    /// payment.
    pub(super) fn ids(&self) -> impl Iterator<Item = TypedId> {
        let all = self.open.iter().chain(&self.denied).chain(&self.done);
        all.flat_map(|it| [TypedId::from(&it.transaction), TypedId::from(&it.payment)])
    }

    /// Whether an unfinished, denied or newly done refund has that transaction, or refunds it.
    pub(super) fn has(&self, transaction: &TransactionId) -> bool {
        let mut all = self.open.iter().chain(&self.denied).chain(&self.done);
        all.any(|it| [&it.transaction, &it.payment].contains(&transaction))
    }

    /// The waits for the ends of refunds.
    pub(super) fn waits(&self) -> impl Iterator<Item = Wait> {
        self.open.iter().map(|open| {
            let mut wait = Wait::new(SignalName::Refunded.as_str(), open.timer.since());
            wait.about = Some(TypedId::from(&open.intent));
            wait
        })
    }

    /// The host requests a refund.
    pub(super) fn request(
        &mut self,
        refund: Box<RefundPayment>,
        ledger: &mut Ledger,
        cx: &mut Cx<'_>,
    ) -> Result<(), Stop> {
        let intent = refund.intent.clone().ok_or(Stop::NotNow)?;
        let content = fingerprint(&refund);
        let number = self.intents.status_of(&intent, content).number()?;
        let amount = refund.amount.decimal();
        if let Some(amount) = amount {
            ledger.reserve(&refund.transaction_id, amount);
        }
        let in_cents = amount.and_then(|it| it.in_smallest_unit(Some(&refund.currency))).map(|it| it.amount);
        self.intents.open(intent.clone(), content, number, (in_cents, cx.now()));
        self.check_first(&refund, &intent, number, cx);
        cx.request_as(Call::RefundPayment(refund), &intent, number);
        Ok(())
    }

    /// The reply to a refund or a lookup shows its transaction: done, failed, or not finished.
    pub(super) fn on_transaction(
        &mut self,
        id: &EffectId,
        refund: &RefundPayment,
        reply: &TransactionReply,
        ledger: &mut Ledger,
        cx: &mut Cx<'_>,
    ) {
        cx.learn(&reply.id);
        ledger.note_our_refund(&reply.id);
        let requested = requested_amount(refund);
        let amount = other_amount(&refund.transaction_id, requested, reply, ledger, cx);
        let accepted = OpenRefund::of(id, refund, reply.id.clone(), amount, cx);
        match (&reply.status, accepted) {
            (TransactionStatus::Success, accepted) => {
                self.end(id.intent(), refund, Outcome::Done, ledger, cx);
                accepted.into_iter().for_each(|it| self.keep_done(it));
            }
            (TransactionStatus::Failed, _) => self.end(id.intent(), refund, DECLINED, ledger, cx),
            (_, accepted) => {
                cx.withdraw(|call| call.is_refund_lookup(id.intent()));
                if let Some(open) = accepted {
                    open.schedule_lookup(cx);
                    self.open.push(open);
                }
            }
        }
    }

    /// A refund was done, although its request had ended as not done. Its amount counts again.
    pub(super) fn made_after_all(
        &mut self,
        id: &EffectId,
        refund: &RefundPayment,
        reply: &TransactionReply,
        ledger: &mut Ledger,
        cx: &mut Cx<'_>,
    ) {
        if !ledger.is_our_refund(&reply.id) {
            ledger.reserve(&refund.transaction_id, requested_amount(refund));
            self.on_transaction(id, refund, reply, ledger, cx);
        }
    }

    /// The outcome of the request for a refund is known.
    pub(super) fn end(
        &mut self,
        intent: &str,
        refund: &RefundPayment,
        outcome: Outcome,
        ledger: &mut Ledger,
        cx: &mut Cx<'_>,
    ) {
        cx.withdraw(|call| call.is_refund_lookup(intent));
        self.unchecked.retain(|it| it.as_str() != intent);
        self.intents.settle(intent, outcome);
        if outcome != Outcome::Done {
            ledger.release(&refund.transaction_id, requested_amount(refund));
        }
    }

    /// A person says what has become of the request for a refund, and may name its transaction. That one is watched: it may
    /// still fail.
    pub(super) fn attest(
        &mut self,
        id: &EffectId,
        refund: &RefundPayment,
        is_done: bool,
        named: Option<&str>,
        ledger: &mut Ledger,
        cx: &mut Cx<'_>,
    ) {
        let named = named.and_then(TransactionId::read).filter(|it| *it != refund.transaction_id);
        self.end(id.intent(), refund, attested(is_done), ledger, cx);
        match named.filter(|_| is_done) {
            Some(transaction) => {
                ledger.note_our_refund(&transaction);
                self.keep_named(id, refund, transaction, cx);
            }
            None if is_done => self.claim(id, refund, ledger, cx),
            None => {}
        }
    }

    /// An unfinished refund ends. Returns it.
    fn close(&mut self, index: usize, outcome: Outcome, ledger: &mut Ledger, cx: &mut Cx<'_>) -> Option<OpenRefund> {
        if index >= self.open.len() {
            return None;
        }
        let open = self.open.remove(index);
        cx.withdraw(|call| call.is_refund_lookup(open.intent.as_str()));
        cx.withdraw_review(Review::RefundUnfinished, open.request.as_str());
        self.intents.settle(open.intent.as_str(), outcome);
        if outcome != Outcome::Done {
            ledger.release(&open.payment, open.amount);
        }
        Some(open)
    }

    /// Revup shows how an unfinished refund has ended. The host has seen it accepted, so it hears of a failure.
    fn close_shown(&mut self, index: usize, is_done: bool, ledger: &mut Ledger, cx: &mut Cx<'_>) {
        let outcome = if is_done { Outcome::Done } else { DECLINED };
        match self.close(index, outcome, ledger, cx) {
            Some(open) if is_done => self.keep_done(open),
            Some(open) => cx.notify(Notice::RefundFailed, &open.request, ToDo::NOTHING),
            None => {}
        }
    }

    /// A person says what has become of a refund that Revup did not finish.
    pub(super) fn reviewed_unfinished(&mut self, about: &str, verdict: Verdict, ledger: &mut Ledger, cx: &mut Cx<'_>) {
        let Some(index) = self.open.iter().position(|it| it.request.as_str() == about) else { return };
        if verdict != Verdict::KeepWaiting {
            let is_done = verdict == Verdict::Refunded;
            match self.close(index, attested(is_done), ledger, cx) {
                Some(open) if is_done => self.keep_done(open),
                Some(open) => self.deny(open),
                None => {}
            }
        } else if let Some(open) = self.open.get_mut(index) {
            open.timer = PollTimer::new(cx.now());
            open.schedule_lookup(cx);
        }
    }

    /// A notification is about a refund. With proof of its origin, it ends the refund that it names. Otherwise the
    /// refund is looked up. Returns whether a refund matches.
    pub(super) fn on_notification(
        &mut self,
        notification: &Notification,
        origin: Origin,
        ledger: &mut Ledger,
        cx: &mut Cx<'_>,
    ) -> bool {
        if self.on_late_failure(notification, origin, cx) {
            return true;
        }
        let Some(index) = self.open.iter().position(|it| it.transaction == notification.transaction) else {
            let is_denied = self.denied.iter().any(|it| it.transaction == notification.transaction);
            let is_ours = ledger.is_our_refund(&notification.transaction) && !is_denied;
            let is_done = notification.status == TransactionStatus::Success;
            if is_done && !is_ours && origin == Origin::Verified {
                self.on_shown(&notification.transaction, notification.amount, ledger, cx);
            }
            // A refund of another origin may have failed after it was shown.
            if is_done && !is_ours || ledger.has_shown_other(notification.transaction.as_str()) {
                cx.look_up(Call::FindTransactions(notification.order.clone()));
            }
            return self.look_up_all(cx);
        };
        match notification.status {
            TransactionStatus::Success | TransactionStatus::Failed if origin == Origin::Verified => {
                self.close_shown(index, notification.status == TransactionStatus::Success, ledger, cx);
            }
            _ => {
                if let Some(open) = self.open.get_mut(index) {
                    open.timer.returned(cx.now());
                    open.schedule_lookup(cx);
                }
            }
        }
        true
    }
}

/// Revup took the refund, and shows that it failed.
const DECLINED: Outcome = Outcome::Failed(Cause::Declined);

/// What a person says of a refund.
const fn attested(is_done: bool) -> Outcome {
    if is_done { Outcome::Done } else { Outcome::Failed(Cause::Reviewed) }
}

/// The amount that counts for a refund. If Revup shows more than requested, the larger amount counts. Any other amount
/// than the requested one opens a review.
fn other_amount(
    payment: &TransactionId,
    requested: Decimal,
    reply: &TransactionReply,
    ledger: &mut Ledger,
    cx: &mut Cx<'_>,
) -> Decimal {
    let Some(shown) = reply.money.amount.filter(|it| !it.equals(requested)) else { return requested };
    cx.ask(Review::OtherAmount, &reply.id);
    let more = shown.minus(requested).filter(|it| !it.is_negative() && reply.status != TransactionStatus::Failed);
    let Some(more) = more else { return requested };
    ledger.reserve(payment, more);
    shown
}

/// The amount that a refund requests. A rule rejects an amount that is not a number.
fn requested_amount(refund: &RefundPayment) -> Decimal {
    refund.amount.decimal().unwrap_or(Decimal::ZERO)
}

/// The fingerprint of a refund. The spelling of its amount does not matter.
fn fingerprint(refund: &RefundPayment) -> Digest {
    let amount = refund.amount.decimal().map_or_else(String::new, |it| it.plain().to_string());
    let normalized = RefundPayment { amount: Amount::new(amount), ..refund.clone() };
    Digest::of([encode(&normalized).as_bytes()])
}
