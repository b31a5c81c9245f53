//! Signals of Vend: none is signed, so each is a hint that makes a look-up owed.

use alloc::string::String;

use super::command::Event;
use super::state::Place;
use super::{Context, Subscription};
use crate::fact::Because;
use crate::providers::vend::call::Call;
use crate::providers::vend::request::Kind;
use crate::providers::vend::rules::Rule;
use crate::flow::Stop;
use crate::providers::vend::webhook::{Cancellation, Signal};

pub(super) fn signalled(at: &mut Subscription, event: Event, cx: &mut Context<'_>) -> Result<(), Stop> {
    match event {
        Event::Signal(Signal::Cancellation(it)) => cancelled(at, &it, cx),
        _ => Err(Because::Unrelated.into()),
    }
}

fn cancelled(at: &mut Subscription, it: &Cancellation, cx: &mut Context<'_>) -> Result<(), Stop> {
    if at.id.as_ref() != Some(&it.subscription_id) {
        cx.check(Rule::CancelUnknownSubscription, false).at("/payload/subscription_id");
        let because = if is_learning(at, cx) { Because::Early } else { Because::Unrelated };
        return Err(because.into());
    }
    let is = |have: Option<&String>, named: Option<&String>| {
        have.zip(named).is_none_or(|(have, named)| have.eq_ignore_ascii_case(named))
    };
    let retailer = is(at.retailer_id.as_ref(), it.retailer_id.as_ref());
    let domain = is(at.domain_prefix.as_ref(), it.domain_prefix.as_ref());
    cx.check(Rule::CancelRetailerMatch, retailer && domain).at("/retailer_id");
    if !(retailer && domain) {
        return Err(Because::Unrelated.into());
    }
    if let Some(second) = it.cancelled_at {
        // While it lives, the same second is looked up again: anyone may have named it beforehand.
        if at.place == Place::Canceled && at.told.contains(&second) {
            return Err(Because::Known.into());
        }
        at.note_told(second);
    }
    cx.look_up(Call::RetrieveSubscription(it.subscription_id.clone()));
    Ok(())
}

/// Whether the id of a subscription may still be learnt: by a token of a new one, or by a look-up.
fn is_learning(at: &Subscription, cx: &Context<'_>) -> bool {
    let requested = at.requested.as_ref().map(|it| it.of);
    let mut asked = at.tokens.iter().map(|it| it.of).chain(requested);
    let looking = |call: &Call| matches!(call, Call::RetrieveSubscription(_) | Call::ListSubscriptions);
    asked.any(|it| it.0 == Kind::Create) || (at.id.is_none() && cx.owed(looking).is_some())
}
