//! Verdicts: what a person says of a request, of a subscription, or of a wait.

use super::refund::UNFINISHED;
use super::state::{Place, Subscription};
use super::{Context, creation, refund, reply};
use crate::fact::Verdict;
use crate::flow::{Stop, Watch};
use crate::id::EffectId;
use crate::providers::revup::amount::Decimal;
use crate::providers::revup::call::Call;
use crate::providers::revup::ids::TransactionId;
use crate::time::Timestamp;

/// A person said what has become of a request, or gave it up: it is over.
pub(super) fn resolved(
    at: &mut Subscription,
    id: &EffectId,
    call: &Call,
    verdict: &Verdict,
    cx: &mut Context<'_>,
) -> Result<(), Stop> {
    match (call, verdict) {
        (Call::CreateSubscription(_), Verdict::About { verdict, id }) if verdict == "created" => {
            creation::attested(at, id, cx);
        }
        (Call::CreateSubscription(_), _) if verdict.name() == "not_created" => creation::none(at, cx),
        (Call::CreateSubscription(_), _) => creation::vanish(at, cx),
        (Call::CancelSubscription(..), _) if verdict.name() == "cancelled" => {
            at.end(Place::Cancelled, cx);
            // A look-up would show otherwise.
            at.confirm(cx);
        }
        (Call::CancelSubscription(..), _) => reply::not_cancelled(at, cx),
        (Call::RefundPayment(of), _) => {
            match verdict {
                Verdict::About { id, .. } => {
                    if let Some(id) = TransactionId::told(id) {
                        at.ledger.refunded(&id);
                    }
                }
                _ if verdict.name() == "refunded" => {
                    at.ledger.claim(&of.transaction_id, of.amount.decimal().unwrap_or(Decimal::ZERO));
                }
                _ => {}
            }
            refund::ends(at, id.intent(), of, verdict.name() == "refunded", cx);
        }
        (Call::RetrieveSubscription(_), _) => unanswered(at, cx),
        (Call::RetrievePayments(..), _) => {
            at.stop_measuring(cx);
            at.settle(cx);
        }
        (Call::FindTransactions(_), _) => cx.ask_about(Call::is_create),
        (Call::RetrieveTransaction(_, intent) | Call::FindRefund(_, intent), _) => {
            refund::given_up(at, intent, cx);
        }
    }
    Ok(())
}

/// Nobody answers the look-up of the subscription, and a person waits no longer.
fn unanswered(at: &mut Subscription, cx: &mut Context<'_>) {
    match at.place {
        Place::Adopting => creation::vanish(at, cx),
        Place::Requested => cx.ask_about(Call::is_create),
        Place::Attested => creation::doubted(at, "not_found", cx),
        Place::Awaiting => stop_waiting(at, cx),
        _ => at.settle(cx),
    }
}

/// A person waits no longer; a late signal still wins.
fn stop_waiting(at: &mut Subscription, cx: &mut Context<'_>) {
    cx.withdraw(Call::is_of_status);
    if let Some(id) = &at.id {
        cx.withdraw_word("no_signal", id.as_str());
    }
    if let Some(watch) = &mut at.watch {
        watch.stop();
    }
}

/// A person says that the subscription is paid and runs.
fn lives(at: &mut Subscription, cx: &mut Context<'_>) {
    at.lives_as = at.unlisted.take();
    reply::live(at, Place::Fulfilled, cx);
}

/// A person judged a review of the flow's own.
pub(super) fn judged(at: &mut Subscription, reason: &str, of: &str, verdict: &Verdict, cx: &mut Context<'_>) -> Result<(), Stop> {
    match (reason, verdict.name()) {
        ("not_found" | "other_plan", "created") => {
            if let Verdict::About { id, .. } = verdict {
                creation::attested(at, id, cx);
            }
        }
        ("not_found" | "other_plan", "not_created") => creation::none(at, cx),
        // Somebody has seen it: what an event or a late reply has named is confirmed like any other's word.
        ("made_after_all", "ours" | "seen") if at.place == Place::Absent && at.on_token => {
            creation::attested(at, of, cx);
        }
        ("made_after_all", _) => at.named = None,
        ("not_found" | "status_unknown" | "no_signal", "ended") => at.end(Place::Cancelled, cx),
        ("status_unknown" | "no_signal", "live") => lives(at, cx),
        ("order_mismatch", "ours") => {
            at.held = false;
            at.grant(cx);
            at.measure(cx);
        }
        ("no_signal", "keep_waiting") => {
            at.watch = Some(Watch::new(cx.now()));
            at.watch(cx);
        }
        ("no_signal", "stop_waiting") => stop_waiting(at, cx),
        ("no_period_end", _) => period(at, verdict, cx),
        (UNFINISHED, _) => unfinished(at, of, verdict.name(), cx),
        _ => {}
    }
    Ok(())
}

/// A person says until when the customer has paid, or that nothing shows it.
fn period(at: &mut Subscription, verdict: &Verdict, cx: &mut Context<'_>) {
    at.stop_measuring(cx);
    cx.withdraw(Call::is_of_period);
    if let Verdict::About { id, .. } = verdict
        && let Some(until) = Timestamp::parse_iso(id)
    {
        at.paid(until, cx);
    }
    if at.place == Place::Fulfilled && at.watch.is_none() {
        at.settle(cx);
    }
}

/// A person says what has become of a refund that Revup never finished.
fn unfinished(at: &mut Subscription, of: &str, verdict: &str, cx: &mut Context<'_>) {
    let Some(index) = at.open_refunds.iter().position(|it| it.of.as_str() == of) else { return };
    if verdict != "keep_waiting" {
        at.closes(index, verdict == "refunded", cx);
    } else if let Some(open) = at.open_refunds.get_mut(index) {
        open.watch = Watch::new(cx.now());
        open.look(cx);
    }
}
