//! Answers to our requests, and what a person says of them.

use super::command::Event;
use super::consent::OLDER;
use super::state::{Place, Subscription};
use super::token::{Token, Use};
use super::{Context, Next};
use crate::fact::{Because, Verdict};
use crate::id::EffectId;
use crate::providers::vend::call::Call;
use crate::providers::vend::ids::{ConsentToken, SubscriptionId};
use crate::providers::vend::rules::Rule;
use crate::providers::vend::token::{TokenIssued, TokenSeen};

pub(super) fn answered(at: Subscription, id: &EffectId, call: &Call, event: Event, cx: &mut Context<'_>) -> Next {
    match (event, call) {
        (Event::TokenIssued(reply), _) => issued(at, id, reply, cx),
        (Event::TokenSeen(seen), Call::RetrieveToken(token)) => Ok(token_seen(at, token, &seen, cx)),
        (Event::SubscriptionSeen(seen), Call::RetrieveSubscription(id)) => Ok(at.shown(id, &seen, cx)),
        (Event::Listed(list), _) => Ok(at.listed(&list, cx)),
        _ => Err(Because::Unrelated.into()),
    }
}

fn issued(mut at: Subscription, id: &EffectId, reply: TokenIssued, cx: &mut Context<'_>) -> Next {
    let Some(requested) = at.requested.take_if(|it| it.of.id() == *id) else { return Err(Because::Unrelated.into()) };
    let (spent, taken) =
        (at.spent.contains(&reply.token.digest()), at.tokens.iter().any(|it| it.text == reply.token));
    cx.check(Rule::TokenSingleUse, !spent).at("/token");
    cx.check(Rule::TokenOnePerUpdate, !spent && !taken).at("/token");
    if spent || taken {
        return Ok(at);
    }
    // Nobody must take a token for dead that a retailer can still use.
    let asked_at = cx.begun_by();
    let dies_at = reply.dies_at(asked_at);
    let token = Token::new(requested, reply.token, asked_at, dies_at);
    token.plan(cx);
    at.newest = Some(token.of);
    at.tokens.push(token);
    Ok(at)
}

fn token_seen(mut at: Subscription, text: &ConsentToken, seen: &TokenSeen, cx: &mut Context<'_>) -> Subscription {
    let Some(index) = at.tokens.iter().position(|it| it.text == *text) else {
        // A token that was used stays used, and of one that was given up the subscription itself tells.
        if seen.is_used && at.place != Place::Live {
            cx.look_up(at.looks_at());
        }
        return at;
    };
    let mut token = at.tokens.remove(index);
    if seen.is_used {
        let shown = Use { subscription: seen.subscription_id.clone(), at: seen.used() };
        let ours = at.application(cx);
        let other = at.other(&token, seen, ours.as_deref());
        cx.check(Rule::ConfirmMatch, other.is_none()).at(other.unwrap_or_default());
        if other.is_some() {
            cx.withdraw(|call| call.looks_at(&token.text));
            let of = token.of.id();
            cx.withdraw_word("unconfirmed", of.as_str());
            cx.review("mismatch", of.as_str(), &["confirmed", "not_confirmed"]);
            token.disputed = Some(shown);
            at.tokens.insert(index, token);
            return at;
        }
        at.retailer_id = seen.retailer_id.clone().or(at.retailer_id);
        at.application_id = seen.vend_application_id.clone().or(at.application_id);
        at.confirmed(&token, shown, cx);
        return at;
    }
    token.looked(cx.begun_at());
    if token.is_over(cx.begun_at(), cx.policy()) && token.disputed.is_none() {
        at.expired(&token, cx);
    } else {
        token.plan(cx);
        at.tokens.insert(index, token);
    }
    at
}

/// Vend refuses. What it says of a token that has expired is not documented, so that proves nothing of it.
pub(super) fn refused(mut at: Subscription, id: &EffectId, call: &Call, cx: &mut Context<'_>) -> Subscription {
    match call {
        Call::CreateSubscriptionToken(_) | Call::UpdateSubscriptionToken(_) => at.forget(id),
        Call::RetrieveToken(text) => at.look_later(text, cx),
        Call::RetrieveSubscription(subscription) if !at.is_stale_look(cx) => at.not_shown(subscription, cx),
        Call::RetrieveSubscription(_) | Call::ListSubscriptions => {}
    }
    at
}

/// A person gave a request up.
pub(super) fn given_up(mut at: Subscription, id: &EffectId, call: &Call, cx: &mut Context<'_>) -> Subscription {
    match call {
        Call::CreateSubscriptionToken(_) | Call::UpdateSubscriptionToken(_) => at.forget(id),
        Call::RetrieveToken(text) => at.look_later(text, cx),
        Call::RetrieveSubscription(_) | Call::ListSubscriptions => at.wait_on(cx),
    }
    at
}

pub(super) fn judged(mut at: Subscription, reason: &str, of: &str, verdict: &Verdict, cx: &mut Context<'_>) -> Subscription {
    let position = at.tokens.iter().position(|it| it.of.id().as_str() == of);
    match (reason, verdict.name(), position) {
        ("mismatch", "confirmed", Some(index)) => {
            let mut token = at.tokens.remove(index);
            let shown = token.disputed.take().unwrap_or_default();
            at.attested_use(&token, shown, cx);
        }
        ("unconfirmed", "used", Some(index)) => {
            let token = at.tokens.remove(index);
            let subscription = match verdict {
                Verdict::About { id, .. } => SubscriptionId::parse(id.as_str()).ok(),
                Verdict::Plain(_) => None,
            };
            at.attested_use(&token, Use { subscription, at: None }, cx);
        }
        ("mismatch", "not_confirmed", Some(index)) => {
            let token = at.tokens.remove(index);
            at.drop_token(&token, cx);
        }
        ("unconfirmed", "not_used", Some(index)) => {
            let token = at.tokens.remove(index);
            at.expired(&token, cx);
        }
        ("unconfirmed", _, Some(index)) => {
            if let Some(token) = at.tokens.get_mut(index) {
                token.wait_on(cx.now());
                token.plan(cx);
            }
        }
        (OLDER, "fulfill", _) => cx.fulfill(of),
        (OLDER, ..) => {}
        _ => at.attested(reason, of, verdict, cx),
    }
    at
}

impl Subscription {
    /// No token comes of a request.
    fn forget(&mut self, id: &EffectId) {
        self.requested = self.requested.take().filter(|it| it.of.id() != *id);
    }

    /// A look-up of a token settled nothing: the next one is planned.
    fn look_later(&mut self, text: &ConsentToken, cx: &mut Context<'_>) {
        if let Some(token) = self.tokens.iter_mut().find(|it| it.text == *text) {
            token.looked(cx.begun_at());
            token.plan(cx);
        }
    }
}
