//! Answers to our requests, and what follows when there is none.

use super::command::Event;
use super::state::{Place, Subscription, Token, Use, WATCHED};
use super::{Context, Next};
use crate::fact::{Because, Verdict};
use crate::flow::Watch;
use crate::id::EffectId;
use crate::providers::vend::call::Call;
use crate::providers::vend::ids::{ConsentToken, SubscriptionId};
use crate::providers::vend::request::{Kind, digest};
use crate::providers::vend::rules::Rule;
use crate::providers::vend::wire::{TokenIssued, TokenSeen};
use crate::time::{Millis, Timestamp};

/// How long a new subscription's cancellation may go without a webhook.
const QUIET: Millis = Millis::from_minutes(30);

pub(super) fn answered(at: Subscription, id: &EffectId, call: &Call, event: Event, cx: &mut Context<'_>) -> Next {
    match (event, call) {
        (Event::TokenIssued(reply), _) => issued(at, id, reply, cx),
        (Event::TokenSeen(seen), Call::RetrieveToken(token)) => token_seen(at, token, &seen, cx),
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
    let asked_at = cx.begun_at();
    let dies_at = reply.dies_at(asked_at);
    let token = Token::new(requested, reply.token, Watch::new(asked_at), dies_at);
    token.watch(cx);
    at.newest = Some(token.of);
    at.tokens.push(token);
    if at.tokens.len() > WATCHED {
        let oldest = at.tokens.remove(0);
        at.drop_token(&oldest, cx);
    }
    Ok(at)
}

fn token_seen(mut at: Subscription, text: &ConsentToken, seen: &TokenSeen, cx: &mut Context<'_>) -> Next {
    let Some(index) = at.tokens.iter().position(|it| it.text == *text) else {
        // A token that was used stays used, and of one that was given up the subscription itself tells.
        if seen.is_used && at.place != Place::Live {
            cx.look_up(at.id.clone().map_or(Call::ListSubscriptions, Call::RetrieveSubscription));
        }
        return Ok(at);
    };
    let mut token = at.tokens.remove(index);
    if seen.is_used {
        let used_at = seen.used_at.as_deref().and_then(Timestamp::parse_iso);
        let shown = Use { subscription: seen.subscription_id.clone(), at: used_at };
        let other = at.other(&token, seen);
        cx.check(Rule::ConfirmMatch, other.is_none()).at(other.unwrap_or_default());
        if other.is_some() {
            cx.withdraw(|call| call.looks_at(&token.text));
            let of = token.of.id();
            cx.withdraw_word("unconfirmed", of.as_str());
            cx.review("mismatch", of.as_str(), &["confirmed", "not_confirmed"]);
            token.disputed = Some(shown);
            at.tokens.insert(index, token);
            return Ok(at);
        }
        at.retailer_id = seen.retailer_id.clone().or(at.retailer_id);
        at.application_id = seen.vend_application_id.clone().or(at.application_id);
        at.confirmed(&token, shown, cx);
    } else if token.looked(cx) && token.disputed.is_none() {
        at.drop_token(&token, cx);
    } else {
        token.watch(cx);
        at.tokens.insert(index, token);
    }
    Ok(at)
}

pub(super) fn refused(mut at: Subscription, id: &EffectId, call: &Call, cx: &mut Context<'_>) -> Subscription {
    match call {
        Call::CreateSubscriptionToken(_) | Call::UpdateSubscriptionToken(_) => {
            at.requested = at.requested.filter(|it| it.of.id() != *id);
        }
        Call::RetrieveToken(text) => {
            // What the API says of a token that has expired is not documented: a refusal proves nothing.
            if let Some(token) = at.tokens.iter_mut().find(|it| it.text == *text) {
                let _ = token.looked(cx);
                token.watch(cx);
            }
        }
        Call::RetrieveSubscription(subscription) if at.id.as_ref() == Some(subscription) => at.not_shown(cx),
        Call::RetrieveSubscription(_) | Call::ListSubscriptions => {}
    }
    at
}

pub(super) fn missed(mut at: Subscription, call: Call, cx: &mut Context<'_>) -> Subscription {
    match &call {
        Call::RetrieveToken(text) => {
            if let Some(token) = at.tokens.iter_mut().find(|it| it.text == *text) {
                token.missed(cx);
                token.watch(cx);
            }
        }
        _ => cx.look_up(call),
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
        ("mismatch", "not_confirmed", Some(index)) | ("unconfirmed", "not_used", Some(index)) => {
            let token = at.tokens.remove(index);
            at.drop_token(&token, cx);
        }
        ("not_shown", "canceled", _) => {
            at.attested = true;
            at.stands(Place::Canceled, cx);
        }
        _ => {}
    }
    at
}

impl Subscription {
    /// Where a used token shows something else than what was asked for: a pointer into the answer.
    fn other(&self, token: &Token, seen: &TokenSeen) -> Option<&'static str> {
        let same = |shown: &Option<alloc::string::String>, have: Option<&str>| {
            shown.as_deref().is_none_or(|shown| have.is_none_or(|have| shown == have))
        };
        let handle = |shown: &Option<alloc::string::String>, asked: Option<crate::id::Digest>| {
            shown.as_deref().is_none_or(|shown| asked.is_none_or(|asked| digest(shown) == asked))
        };
        let subscription = seen.subscription_id.as_ref().is_none_or(|shown| {
            token.of.0 == Kind::Create || self.id.as_ref().is_none_or(|have| have == shown)
        });
        match () {
            () if !same(&seen.token, Some(token.text.as_str())) => Some("/token"),
            () if !same(&seen.retailer_id, self.retailer_id.as_deref()) => Some("/retailer_id"),
            () if !handle(&seen.product_handle, token.product) => Some("/product_handle"),
            () if !handle(&seen.product_price_point_handle, token.price) => Some("/product_price_point_handle"),
            () if !subscription => Some("/subscription_id"),
            () => None,
        }
    }

    /// A person says that a token was used.
    fn attested_use(&mut self, token: &Token, shown: Use, cx: &mut Context<'_>) {
        let before = self.place;
        self.confirmed(token, shown, cx);
        self.attested |= self.place != before;
    }

    /// The retailer has consented to what a token was asked for.
    fn confirmed(&mut self, token: &Token, shown: Use, cx: &mut Context<'_>) {
        self.drop_token(token, cx);
        self.count(token, shown.at);
        cx.fulfill(token.of.id().as_str());
        match (&self.id, shown.subscription) {
            (Some(have), Some(id)) if *have != id => self.second(token.of.0, id, cx),
            (None, Some(id)) if self.place == Place::Unclear => self.second(token.of.0, id, cx),
            (None, Some(id)) => self.begins(id, token.of.0, cx),
            (Some(id), _) if self.place != Place::Live => cx.look_up(Call::RetrieveSubscription(id.clone())),
            (None, None) => cx.look_up(Call::ListSubscriptions),
            (Some(_), _) => {}
        }
    }

    /// A used token shows a subscription where none was known.
    fn begins(&mut self, id: SubscriptionId, kind: Kind, cx: &mut Context<'_>) {
        cx.learn(id.as_str());
        if kind == Kind::Create {
            let until = cx.now().after(QUIET);
            cx.look_up_from(Call::RetrieveSubscription(id.clone()), until);
            self.quiet_until = Some(until);
        }
        self.id = Some(id);
        self.seen = None;
        self.stands(Place::Live, cx);
    }

    /// A used token shows another subscription than the known one: a new one after a cancellation, or a second one, of
    /// which an update would hit nobody knows which.
    fn second(&mut self, kind: Kind, id: SubscriptionId, cx: &mut Context<'_>) {
        match (kind, self.place) {
            (Kind::Create, Place::Canceled) => self.begins(id, kind, cx),
            (Kind::Create, _) => {
                cx.learn(id.as_str());
                self.id = Some(id);
                self.quiet_until = Some(cx.now().after(QUIET));
                self.stands(Place::Unclear, cx);
                cx.look_up(Call::ListSubscriptions);
            }
            (Kind::Update, _) => cx.look_up(Call::ListSubscriptions),
        }
    }

    /// A token's end is known, or nobody waits for it any more.
    fn drop_token(&mut self, token: &Token, cx: &mut Context<'_>) {
        self.spend(&token.text);
        cx.withdraw(|call| call.looks_at(&token.text));
        let of = token.of.id();
        cx.withdraw_word("unconfirmed", of.as_str());
        cx.withdraw_word("mismatch", of.as_str());
    }
}
