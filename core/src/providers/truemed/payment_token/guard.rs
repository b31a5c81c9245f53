//! The rules of a token's wishes that its state and the clock decide.

use super::command::Wish;
use super::state::{Change, Charge, Place};
use super::{Context, PaymentToken, TOKEN_UPDATED};
use crate::providers::truemed::call::Call;
use crate::providers::truemed::rules::Rule;
use crate::providers::truemed::session::{SESSION_COMPLETE, placed};
use crate::rule::{Kernel, Until};

pub(super) fn guard(at: &PaymentToken, wish: Wish, cx: &mut Context<'_>) {
    match wish {
        Wish::Create => unissued(at, cx),
        Wish::Tokenize => {
            unissued(at, cx);
            placed(cx);
            // What is paid already is not paid again: its token comes, or another is asked for without a payment.
            cx.check(Kernel::OneAtATime, !at.is_paid_for() || cx.is_begin()).until(Until::Signal(TOKEN_UPDATED));
            if cx.is_offer() {
                one_charge(at, cx);
            }
        }
        Wish::Charge => {
            charge(at, cx);
            placed(cx);
        }
        Wish::Items => {
            update(at, &at.items, is_of_items, cx);
            // A charge that somebody is about to send is of what was confirmed before.
            let charge = cx.owed(is_charge).filter(|_| cx.is_begin() && cx.in_hand(is_charge)).map(|it| it.id.clone());
            if let Some(id) = charge {
                cx.check(Kernel::OneAtATime, false).until(Until::Reply(id));
            }
        }
        Wish::Card => update(at, &at.card, is_of_card, cx),
        Wish::Retrieve => {
            let known = at.token.is_some() || matches!(at.place, Place::Absent | Place::Adopting);
            cx.check(Kernel::NoEdge, known).until(Until::Signal(TOKEN_UPDATED));
        }
        Wish::RetrieveProvision => {
            let named =
                at.provisions.iter().any(|it| it.origin.is_some()) || at.pending().any(|it| it.origin.is_some());
            cx.check(Kernel::NoEdge, named || cx.is_begin());
            let next = at.polled().and_then(|it| it.watch.next(&cx.policy().look_ups));
            let due = cx.is_begin() || next.is_none_or(|at| at.is_over(cx.now()));
            cx.check(Rule::ProvisionNoPolling, due);
        }
        Wish::RetrieveSession => {
            let open = matches!(at.charge, Charge::Open { .. });
            cx.check(Kernel::NoEdge, open || cx.is_begin());
        }
        Wish::Delete => {
            alive(at, cx);
            let known = matches!(at.place, Place::Issued | Place::Deleted) || cx.is_begin();
            cx.check(Kernel::NoEdge, known);
        }
    }
}

/// What is deleted stays deleted.
fn alive(at: &PaymentToken, cx: &mut Context<'_>) {
    cx.check(Rule::TokenDeleteFinal, at.place != Place::Deleted);
}

/// A token is asked for where there is none, and one request at a time.
fn unissued(at: &PaymentToken, cx: &mut Context<'_>) {
    if cx.is_begin_again() {
        return;
    }
    alive(at, cx);
    // A request that was accepted before the token came is still sent: its customer is at the checkout.
    let begun = matches!(at.place, Place::Adopting | Place::Issued | Place::Deleting);
    cx.check(Kernel::AlreadyBegun, !begun || cx.is_begin());
    let unanswered = |call: &Call| matches!(call, Call::CreatePaymentToken(_) | Call::CreatePaymentSession(_));
    let open = cx.owed(unanswered).filter(|_| !cx.is_begin()).map(|it| it.id.clone());
    if let Some(id) = open {
        cx.check(Kernel::OneAtATime, false).until(Until::Reply(id));
    }
}

/// One charge at a time; for a command this is said only after its intent is known to be new.
pub(super) fn one_charge(at: &PaymentToken, cx: &mut Context<'_>) {
    let open = matches!(at.charge, Charge::Requested { .. } | Charge::Open { .. });
    cx.check(Kernel::OneAtATime, !open).until(Until::Signal(SESSION_COMPLETE));
}

fn charge(at: &PaymentToken, cx: &mut Context<'_>) {
    let updated = || Until::Signal(TOKEN_UPDATED);
    match at.place {
        Place::Issued => {}
        // Only asking again tells what has become of a charge that was sent before the token was deleted.
        Place::Deleting | Place::Deleted if cx.is_begin_again() => return,
        Place::Deleting | Place::Deleted => {
            cx.check(Rule::TokenDeleteFinal, false);
            return;
        }
        Place::Absent => {
            let create = Until::wish("create_payment_token");
            cx.check(Rule::ProvisionNoChargeBeforeWebhook, false).until(create);
            return;
        }
        Place::Requested | Place::Awaiting | Place::Adopting => {
            cx.check(Rule::ProvisionNoChargeBeforeWebhook, false).until(updated());
            return;
        }
    }
    let open = [&at.items, &at.card].into_iter().any(|it| *it != Change::Settled);
    if open {
        let answered = cx.until_reply(is_update);
        cx.check(Rule::UpdateNoChargeWhileAction, false).until(answered.unwrap_or_else(updated));
    }
    let failed = matches!(at.charge, Charge::Failed(_));
    cx.check(Rule::ChargeResumeOnWebhook, !failed).until(updated());
    if cx.is_offer() {
        one_charge(at, cx);
    }
    let expired = at.lmn_expires_at.is_some_and(|end| end.is_over(cx.now()));
    cx.check(Rule::UpkeepLmnExpiry, !expired).until(Until::wish(Wish::ITEMS));
}

fn update(at: &PaymentToken, change: &Change, own: fn(&Call) -> bool, cx: &mut Context<'_>) {
    match at.place {
        Place::Issued => {}
        Place::Deleting | Place::Deleted => {
            cx.check(Rule::TokenDeleteFinal, false);
        }
        Place::Absent => {
            let create = Until::wish("create_payment_token");
            cx.check(Rule::UpdateNeedsExistingToken, false).until(create);
        }
        Place::Requested | Place::Awaiting | Place::Adopting => {
            cx.check(Rule::UpdateNeedsExistingToken, false).until(Until::Signal(TOKEN_UPDATED));
        }
    }
    if matches!(change, Change::Updating { .. }) && !cx.is_begin() && cx.in_hand(own) {
        let answered = cx.until_reply(own);
        cx.check(Rule::UpdateOneOpenChange, false).until(answered);
    }
}

/// Whether it is a charge.
const fn is_charge(call: &Call) -> bool {
    matches!(call, Call::CreatePaymentSession(_))
}

/// Whether it is an update of the items.
pub(super) const fn is_of_items(call: &Call) -> bool {
    matches!(call, Call::UpdatePaymentToken(_, it) if it.order_items.is_some())
}

/// Whether it is an update of the card.
pub(super) const fn is_of_card(call: &Call) -> bool {
    matches!(call, Call::UpdatePaymentToken(_, it) if it.order_items.is_none())
}

/// Whether it is an update.
pub(super) const fn is_update(call: &Call) -> bool {
    matches!(call, Call::UpdatePaymentToken(..))
}

/// Whether one is an update of the same as another.
pub(super) const fn is_same_update(update: &Call) -> fn(&Call) -> bool {
    if is_of_items(update) { is_of_items } else { is_of_card }
}
