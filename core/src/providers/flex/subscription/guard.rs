//! The rules of a subscription's wishes that its state decides.

use super::standing::Ending;
use super::{Context, Subscription, Wish};
use crate::providers::flex::call::Call;
use crate::providers::flex::signal::SESSION_COMPLETED;
use crate::rule::{Kernel, Until};

pub(super) fn guard(at: &Subscription, wish: Wish, cx: &mut Context<'_>) {
    match wish {
        Wish::Create => {
            at.checkouts.guard_create(cx);
            // What is settled has said so already.
            let _ = cx.require(Kernel::AlreadyBegun, at.standing.is_none() || at.checkouts.settled.is_some());
        }
        Wish::RetrieveSession => at.checkouts.guard_retrieve(at.is_absent(), cx),
        Wish::Retrieve => {
            let known = at.standing.is_some() || at.is_absent() || cx.is_begin();
            let _ = cx.require(Kernel::NoEdge, known).until(Until::Signal(SESSION_COMPLETED));
        }
        // Another that was paid for may be ended after the one that counts.
        Wish::Cancel if at.has_other() => {}
        Wish::Cancel => running(at, cx),
        Wish::EndWithPeriod => flag(at, true, cx),
        Wish::KeepRunning => flag(at, false, cx),
    }
}

/// Of two changes of the flag only the newer is sent: the older would take it back.
fn flag(at: &Subscription, with_period: bool, cx: &mut Context<'_>) {
    running(at, cx);
    if cx.is_begin() {
        let newest = at.standing.as_ref().and_then(|it| it.ending.as_ref()) == Some(&Ending::WithPeriod(with_period));
        let _ = cx.require(Kernel::NoEdge, newest);
    }
}

fn running(at: &Subscription, cx: &mut Context<'_>) {
    let Some(standing) = &at.standing else {
        let check = cx.require(Kernel::NoEdge, false);
        let _ = match at.is_absent() {
            true => check.until(Until::wish("create_checkout_session")),
            false => check.until(Until::Signal(SESSION_COMPLETED)),
        };
        return;
    };
    let looked = cx.owed(|call| matches!(call, Call::RetrieveSubscription(_))).map(|it| it.id.clone());
    let check = cx.require(Kernel::NoEdge, standing.status.is_some() && !standing.is_over());
    if let Some(id) = looked {
        let _ = check.until(Until::Reply(id));
    }
}
