//! What a person says: of a review, or of a request whose outcome nobody knows.

use alloc::boxed::Box;

use super::standing::Standing;
use super::{Context, Subscription};
use crate::fact::Verdict;
use crate::providers::flex::call::Call;
use crate::providers::flex::ids::SubscriptionId;
use crate::providers::flex::wire::SubscriptionStatus;
use crate::time::Timestamp;

pub(super) fn judged(at: &mut Subscription, reason: &str, of: &str, verdict: &Verdict, cx: &mut Context<'_>) {
    let about_it = at.standing.as_ref().is_some_and(|it| it.id.as_str() == of);
    if let ("not_found", "keep", true, Ok(id)) = (reason, verdict.name(), at.is_absent(), SubscriptionId::parse(of)) {
        // Nothing was adopted: it is looked up again.
        let standing = Standing::adopted(id, cx.now());
        standing.look(cx);
        at.standing = Some(Box::new(standing));
        return;
    }
    let Some(it) = at.standing.as_mut() else { return drop(at.checkouts.judged(reason, of, verdict, cx)) };
    match (reason, verdict.name()) {
        ("not_as_asked", "fulfill") => it.deliver_even_so(of, cx),
        ("no_signal" | "no_period", "keep_waiting") if about_it => it.wait_on(cx),
        ("no_signal" | "no_period", "stop_waiting") if about_it => it.stop_waiting(cx),
        ("payment_unknown", "paid") => it.attest_invoice(of, cx),
        ("payment_unknown", "not_paid") => it.wait_quietly(cx),
        ("payment_unknown", "keep_waiting") => it.wait_on(cx),
        ("unplaced_invoice", verdict) => it.judge_invoice(of, verdict == "fulfill", cx),
        ("refunded" | "disputed" | "ended_early", "end_access") => it.end_access(cx),
        ("unknown_status", "live") if about_it => it.attest(cx),
        ("unknown_status", "ended") if about_it => it.end(SubscriptionStatus::Canceled, cx),
        ("not_found", "ended") if about_it => it.end(SubscriptionStatus::Canceled, cx),
        ("not_found", "keep") if about_it => it.wait_on(cx),
        ("refund_unconfirmed", verdict) => it.judge_refund(verdict == "refunded", cx),
        _ => drop(at.checkouts.judged(reason, of, verdict, cx)),
    }
}

pub(super) fn resolved(at: &mut Subscription, call: &Call, verdict: &Verdict, cx: &mut Context<'_>) {
    match (call, verdict.name()) {
        (Call::CancelSubscription(id, asked), verdict) => {
            if let Some(other) = at.other(Some(id.as_str())) {
                if verdict == "ended" {
                    other.end(cx);
                }
                return;
            }
            let Some(it) = &mut at.standing else { return };
            if verdict == "ended" {
                it.expect_refund(asked, Timestamp::default(), cx);
                it.end(SubscriptionStatus::Canceled, cx);
            } else {
                it.not_ended(call, cx);
            }
        }
        (Call::UpdateSubscription(..), _) => {
            if let Some(it) = &mut at.standing {
                it.not_ended(call, cx);
            }
        }
        (Call::RetrieveSubscription(_) | Call::RetrieveInvoice(_), _) => {
            let is_unsold = at.checkouts.settled.is_none();
            match at.standing.as_mut().filter(|it| !(is_unsold && it.is_only_asked_for())) {
                Some(it) => it.plan(cx),
                None => at.standing = None,
            }
        }
        (Call::ConfirmSubscription(_) | Call::ListRefunds(_), _) => {}
        _ => at.checkouts.resolved(call, verdict, cx),
    }
}
