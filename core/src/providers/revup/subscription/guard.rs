//! The rules of a subscription's wishes that its state decides.

use super::command::Wish;
use super::state::{Payment, Place};
use super::{CREATED, Context, Subscription};
use crate::providers::revup::call::Call;
use crate::providers::revup::rules::Rule;
use crate::rule::{Kernel, Until};

pub(super) fn guard(at: &Subscription, wish: Wish, cx: &mut Context<'_>) {
    // What was wished for is handed out: a wish of its own does not stand in its way.
    match wish {
        Wish::Create => create(at, cx),
        Wish::Retrieve => {
            if at.place == Place::Requested && !cx.is_begin() {
                known(at, cx);
            }
        }
        Wish::Payments => {
            known(at, cx);
            if at.place.is_known() {
                // What is not paid for now has no end that could be measured; what is over may still be given back.
                let paid = matches!(at.place, Place::Fulfilled | Place::Cancelled);
                cx.check(Kernel::NoEdge, paid).until(Until::Signal(CREATED));
            }
        }
        Wish::Cancel => {
            known(at, cx);
            cx.check(Rule::CancelNotWhenTerminal, !at.place.is_final());
        }
        Wish::Refund => {
            known(at, cx);
            // Of a cancelled subscription, Revup alone knows whether it was ever paid.
            let paid = at.payment == Payment::Accepted || at.place == Place::Cancelled;
            if at.place.is_known() {
                let created = (at.place == Place::Awaiting).then_some(Until::Signal(CREATED));
                cx.check(Rule::RefundCurrency, paid).at("/transactionId").until(created);
            }
        }
    }
}

/// Revup knows the subscription, and we its id.
fn known(at: &Subscription, cx: &mut Context<'_>) {
    let until = match at.place {
        Place::Absent => Some(Until::wish("create_subscription")),
        Place::Requested | Place::Adopting | Place::Attested => {
            let own = |call: &Call| call.is_create() || matches!(call, Call::RetrieveSubscription(_));
            cx.until_reply(own)
        }
        _ => return,
    };
    cx.check(Kernel::NoEdge, false).until(until);
}

fn create(at: &Subscription, cx: &mut Context<'_>) {
    if cx.is_begin() {
        return;
    }
    if at.place == Place::Absent {
        // An event names a subscription on our order: a person is to say whether it is ours.
        cx.check(Rule::CreateNoBlindRetry, at.named.is_none());
        return;
    }
    match at.place {
        // What was asked for, and is neither answered nor still to be sent.
        Place::Requested if cx.owed(Call::is_create).is_none_or(|it| it.sent) => {
            cx.check(Rule::CreateNoBlindRetry, false);
        }
        Place::Archived => {
            cx.check(Rule::InitialPaymentNoRetry, false);
        }
        _ => {}
    }
    if at.on_token {
        cx.check(Rule::TokenOneSubscription, false).at("/tokenId");
    }
    cx.check(Kernel::AlreadyBegun, false);
}
