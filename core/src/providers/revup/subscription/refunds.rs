//! The refunds: which were asked for, and which Revup has not finished.

mod lookup;

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::Cx;
use super::ledger::Ledger;
use crate::effect::Wait;
use crate::fact::Origin;
use crate::flow::{IntentStatus, Intents, Outcome, PollTimer, Stop};
use crate::id::{Digest, EffectId, Intent};
use crate::json::encode;
use crate::providers::revup::amount::{Amount, Decimal};
use crate::providers::revup::api::calls::{Call, RefundPayment};
use crate::providers::revup::api::notification::Notification;
use crate::providers::revup::api::replies::{TransactionSeen, TransactionStatus};
use crate::providers::revup::ids::TransactionId;
use crate::providers::revup::names::{Review, SignalName, Verdict};

pub(super) use lookup::named;

/// The refunds of a subscription.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionRefunds"))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Refunds {
    /// Every refund by the host's name for it.
    intents: Intents,
    /// The refunds that Revup has accepted and not finished.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    open: Vec<OpenRefund>,
}

/// A refund that Revup has accepted and not finished.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(rename = "RevupSubscriptionOpenRefund"))]
#[serde(deny_unknown_fields)]
struct OpenRefund {
    /// The host's name for it.
    intent: Intent,
    /// The request that it comes from.
    of: EffectId,
    /// Its own transaction.
    transaction: TransactionId,
    /// The payment's transaction.
    payment: TransactionId,
    /// How much it is.
    amount: Decimal,
    /// The wait for its end.
    watch: PollTimer,
}

impl OpenRefund {
    /// Plans the next lookup of it, and asks a person at the end of the schedule.
    fn plan(&self, cx: &mut Cx<'_>) {
        let call = Call::RetrieveTransaction(self.transaction.clone(), self.intent.clone());
        cx.poll_then_ask(call, &self.watch, Review::RefundUnfinished, self.of.as_str());
    }
}

impl Refunds {
    /// How a refund stands to those that are remembered.
    pub(super) fn status_of(&self, intent: &Intent, refund: &RefundPayment) -> IntentStatus {
        self.intents.status_of(intent, content(refund))
    }

    /// The ids by which notifications find it: of a refund its own transaction, and of a chargeback the payment's.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.open.iter().flat_map(|it| [it.transaction.as_str(), it.payment.as_str()])
    }

    /// Whether a notification about that transaction is about a refund that is not finished.
    pub(super) fn has(&self, transaction: &TransactionId) -> bool {
        self.open.iter().any(|it| [&it.transaction, &it.payment].contains(&transaction))
    }

    /// The waits for the ends of refunds.
    pub(super) fn waits(&self) -> impl Iterator<Item = Wait> {
        self.open.iter().map(|open| {
            let mut wait = Wait::new(SignalName::Refunded.as_str(), open.watch.since());
            wait.about = Some(open.intent.as_str().into());
            wait
        })
    }

    /// The host asks for a refund.
    pub(super) fn request(
        &mut self,
        refund: Box<RefundPayment>,
        ledger: &mut Ledger,
        cx: &mut Cx<'_>,
    ) -> Result<(), Stop> {
        let intent = refund.intent.clone().ok_or(Stop::NotNow)?;
        let content = content(&refund);
        let ordinal = self.intents.status_of(&intent, content).number()?;
        if let Some(amount) = refund.amount.decimal() {
            ledger.give(&refund.transaction_id, amount);
        }
        self.intents.open(intent.clone(), content, ordinal);
        cx.request_as(Call::RefundPayment(refund), &intent, ordinal);
        Ok(())
    }

    /// The reply to a refund, or the lookup that found it: it is done, or not, or still under way.
    pub(super) fn made(
        &mut self,
        id: &EffectId,
        refund: &RefundPayment,
        reply: &TransactionSeen,
        ledger: &mut Ledger,
        cx: &mut Cx<'_>,
    ) {
        cx.learn(reply.id.as_str());
        ledger.refunded(&reply.id);
        let asked = refund.amount.decimal().unwrap_or(Decimal::ZERO);
        let amount = other_amount(&refund.transaction_id, asked, reply, ledger, cx);
        match reply.status {
            TransactionStatus::Success => self.end(id.intent(), refund, true, ledger, cx),
            TransactionStatus::Failed => self.end(id.intent(), refund, false, ledger, cx),
            _ => {
                cx.withdraw(|call| call.is_of_refund(id.intent()));
                if let Ok(intent) = Intent::parse(id.intent()) {
                    let (transaction, payment) = (reply.id.clone(), refund.transaction_id.clone());
                    let (of, watch) = (id.clone(), PollTimer::new(cx.now()));
                    let open = OpenRefund { intent, of, transaction, payment, amount, watch };
                    open.plan(cx);
                    self.open.push(open);
                }
            }
        }
    }

    /// A refund was made that had been ended as not made: its money counts again.
    pub(super) fn made_after_all(
        &mut self,
        id: &EffectId,
        refund: &RefundPayment,
        reply: &TransactionSeen,
        ledger: &mut Ledger,
        cx: &mut Cx<'_>,
    ) {
        if !ledger.knows(&reply.id) {
            ledger.give(&refund.transaction_id, refund.amount.decimal().unwrap_or(Decimal::ZERO));
            self.made(id, refund, reply, ledger, cx);
        }
    }

    /// It is known what has become of a refund's request.
    pub(super) fn end(
        &mut self,
        intent: &str,
        refund: &RefundPayment,
        is_done: bool,
        ledger: &mut Ledger,
        cx: &mut Cx<'_>,
    ) {
        cx.withdraw(|call| call.is_of_refund(intent));
        self.intents.settle(intent, if is_done { Outcome::Done } else { Outcome::Failed });
        if !is_done {
            ledger.take_back(&refund.transaction_id, refund.amount.decimal().unwrap_or(Decimal::ZERO));
        }
    }

    /// A person says what has become of a refund's request, and may name its transaction.
    pub(super) fn attest(
        &mut self,
        intent: &str,
        refund: &RefundPayment,
        is_done: bool,
        named: Option<&str>,
        ledger: &mut Ledger,
        cx: &mut Cx<'_>,
    ) {
        match named.and_then(TransactionId::told) {
            Some(transaction) => ledger.refunded(&transaction),
            None if is_done => ledger.claim(&refund.transaction_id, refund.amount.decimal().unwrap_or(Decimal::ZERO)),
            None => {}
        }
        self.end(intent, refund, is_done, ledger, cx);
    }

    /// A refund under way is over.
    fn close(&mut self, index: usize, is_done: bool, ledger: &mut Ledger, cx: &mut Cx<'_>) {
        if index >= self.open.len() {
            return;
        }
        let open = self.open.remove(index);
        cx.withdraw(|call| call.is_of_refund(open.intent.as_str()));
        cx.withdraw_review(Review::RefundUnfinished, open.of.as_str());
        self.intents.settle(open.intent.as_str(), if is_done { Outcome::Done } else { Outcome::Failed });
        if !is_done {
            ledger.take_back(&open.payment, open.amount);
        }
    }

    /// A person says what has become of a refund that Revup never finished.
    pub(super) fn unfinished(&mut self, about: &str, verdict: Verdict, ledger: &mut Ledger, cx: &mut Cx<'_>) {
        let Some(index) = self.open.iter().position(|it| it.of.as_str() == about) else { return };
        if verdict != Verdict::KeepWaiting {
            self.close(index, verdict == Verdict::Refunded, ledger, cx);
        } else if let Some(open) = self.open.get_mut(index) {
            open.watch = PollTimer::new(cx.now());
            open.plan(cx);
        }
    }

    /// A notification is about a refund: with proof of its origin it ends the one that it names; otherwise that is looked up.
    /// Whether there is any that it may be about.
    pub(super) fn notified(
        &mut self,
        notification: &Notification,
        origin: Origin,
        ledger: &mut Ledger,
        cx: &mut Cx<'_>,
    ) -> bool {
        let Some(index) = self.open.iter().position(|it| it.transaction == notification.transaction) else {
            if notification.status == TransactionStatus::Success && !ledger.knows(&notification.transaction) {
                cx.look_up(Call::FindTransactions(notification.order.clone()));
            }
            return self.look_at_all(cx);
        };
        match notification.status {
            TransactionStatus::Success if origin == Origin::Verified => self.close(index, true, ledger, cx),
            TransactionStatus::Failed if origin == Origin::Verified => self.close(index, false, ledger, cx),
            _ => {
                if let Some(open) = self.open.get_mut(index) {
                    open.watch.returned(cx.now());
                    open.plan(cx);
                }
            }
        }
        true
    }
}

/// How much goes back by a refund: what is shown where that is more than was asked for. A person looks at any other amount.
fn other_amount(
    payment: &TransactionId,
    asked: Decimal,
    reply: &TransactionSeen,
    ledger: &mut Ledger,
    cx: &mut Cx<'_>,
) -> Decimal {
    let Some(shown) = reply.money.amount.filter(|it| !it.is(asked)) else { return asked };
    cx.ask(Review::OtherAmount, reply.id.as_str());
    let more = shown.minus(asked).filter(|it| !it.is_negative() && reply.status != TransactionStatus::Failed);
    let Some(more) = more else { return asked };
    ledger.give(payment, more);
    shown
}

/// What a refund asks for, however its amount is written.
fn content(refund: &RefundPayment) -> Digest {
    let amount = refund.amount.decimal().map_or_else(String::new, |it| it.plain().to_string());
    let plain = RefundPayment { amount: Amount::new(amount), ..refund.clone() };
    Digest::of([encode(&plain).as_bytes()])
}
