//! Commands: what becomes of a subscription when the host wants something of it, once no rule stands in the way.

use super::command::Command;
use super::consent::EXPIRED;
use super::token::{RequestId, Requested};
use super::{Context, Subscription};
use crate::flow::Stop;
use crate::providers::vend::call::Call;
use crate::providers::vend::request::{Kind, TokenRequest};

pub(super) fn wish(at: &mut Subscription, command: Command, cx: &mut Context<'_>) -> Result<(), Stop> {
    let prefix = at.domain_prefix.take().unwrap_or_else(|| cx.settings().domain_prefix.clone());
    at.domain_prefix = Some(prefix);
    match command {
        Command::CreateSubscriptionToken(it) => {
            ask(at, Kind::Create, *it, cx);
            Ok(())
        }
        Command::UpdateSubscriptionToken(it) => {
            ask(at, Kind::Update, *it, cx);
            Ok(())
        }
        Command::RetrieveToken { token } => {
            cx.look_up(Call::RetrieveToken(at.named(token.as_ref()).ok_or(Stop::NotNow)?));
            Ok(())
        }
        Command::RetrieveSubscription { subscription_id: given } => {
            cx.look_up(given.map_or_else(|| at.looks_at(), Call::RetrieveSubscription));
            Ok(())
        }
        Command::CancelSubscription {} => Err(Stop::NotNow),
    }
}

fn ask(at: &mut Subscription, kind: Kind, request: TokenRequest, cx: &mut Context<'_>) {
    let call = Call::of(kind, request.clone());
    // Nobody has it in hand: the newer wish takes its place, and a token that it may have made is never used.
    cx.withdraw(Call::asks);
    cx.withdraw_words(&[EXPIRED], |_| true);
    at.requested = RequestId::of(&cx.owe(call)).map(|of| Requested::new(of, &request));
}
