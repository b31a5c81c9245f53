//! Commands: what the host wishes of a subscription, held against the rules that the wish itself decides.

use super::command::Command;
use super::consent::EXPIRED;
use super::state::Place;
use super::token::{RequestId, Requested};
use super::{Context, Subscription};
use crate::flow::Stop;
use crate::providers::vend::call::Call;
use crate::providers::vend::ids::{ConsentToken, SubscriptionId};
use crate::providers::vend::request::{Kind, TokenRequest};
use crate::rule::Kernel;

pub(super) fn wish(at: &mut Subscription, command: Command, cx: &mut Context<'_>) -> Result<(), Stop> {
    let prefix = at.domain_prefix.take().unwrap_or_else(|| cx.settings().domain_prefix.clone());
    at.domain_prefix = Some(prefix);
    match command {
        Command::CreateSubscriptionToken(it) => {
            it.check_create(cx);
            ask(at, Kind::Create, *it, cx);
            Ok(())
        }
        Command::UpdateSubscriptionToken(it) => {
            let known = |name, number| at.counts.iter().any(|it| (it.0, it.1) == (name, Some(number)));
            it.check_update(known, cx);
            ask(at, Kind::Update, *it, cx);
            Ok(())
        }
        Command::RetrieveToken { token } => retrieve_token(at, token, cx),
        Command::RetrieveSubscription { subscription_id } => retrieve_subscription(at, subscription_id, cx),
        // The guard has named the rule.
        Command::CancelSubscription {} => Err(Stop::Refused),
    }
}

fn ask(at: &mut Subscription, kind: Kind, request: TokenRequest, cx: &mut Context<'_>) {
    let call = Call::of(kind, request.clone());
    // Nobody has it in hand: the newer wish takes its place, and a token that it may have made is never used.
    cx.withdraw(Call::asks);
    cx.withdraw_words(&[EXPIRED], |_| true);
    at.requested = RequestId::of(&cx.owe(call)).map(|of| Requested::new(of, &request));
}

fn retrieve_token(at: &mut Subscription, given: Option<ConsentToken>, cx: &mut Context<'_>) -> Result<(), Stop> {
    let newest = || at.tokens.last().map(|it| it.text.clone());
    let token = given.or_else(newest);
    let ours = |token: &ConsentToken| {
        let closed = at.closed.iter().map(|it| &it.token);
        at.tokens.iter().chain(closed).any(|it| it.text == *token) || at.spent.contains(&token.digest())
    };
    let token = token.filter(ours);
    cx.check(Kernel::NoEdge, token.is_some()).at("/token");
    cx.finish()?;
    if let Some(token) = token {
        cx.look_up(Call::RetrieveToken(token));
    }
    Ok(())
}

fn retrieve_subscription(at: &mut Subscription, given: Option<SubscriptionId>, cx: &mut Context<'_>) -> Result<(), Stop> {
    let other = given.is_some() && at.place == Place::Live && given != at.id;
    cx.check(Kernel::NoEdge, !other).at("/subscription_id");
    cx.finish()?;
    cx.look_up(given.map_or_else(|| at.looks_at(), Call::RetrieveSubscription));
    Ok(())
}
