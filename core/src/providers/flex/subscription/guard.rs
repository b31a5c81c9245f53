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
            cx.check(Kernel::AlreadyBegun, at.standing.is_none() || at.checkouts.settled.is_some());
        }
        Wish::RetrieveSession => at.checkouts.guard_retrieve(at.is_absent(), cx),
        Wish::Retrieve => {
            let known = at.standing.is_some() || at.is_absent() || cx.is_begin();
            cx.check(Kernel::NoEdge, known).until(Until::Signal(SESSION_COMPLETED));
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
        cx.check(Kernel::NoEdge, newest);
    }
}

fn running(at: &Subscription, cx: &mut Context<'_>) {
    let Some(standing) = &at.standing else {
        cx.check(Kernel::NoEdge, false).until(match at.is_absent() {
            true => Until::wish("create_checkout_session"),
            false => Until::Signal(SESSION_COMPLETED),
        });
        return;
    };
    let looked = cx.until_reply(|call| matches!(call, Call::RetrieveSubscription(_)));
    cx.check(Kernel::NoEdge, standing.status.is_some() && !standing.is_over()).until(looked);
}
