//! Answers to our requests, and what a person says of them.

use super::command::Event;
use super::consent::{AFTER_ALL, EXPIRED, MISMATCH, OLDER, UNCONFIRMED};
use super::state::{Place, Subscription};
use super::token::{Closed, Token, Use};
use super::Context;
use crate::fact::{Because, Verdict};
use crate::id::EffectId;
use crate::providers::vend::call::Call;
use crate::providers::vend::ids::{ConsentToken, SubscriptionId};
use crate::providers::vend::rules::Rule;
use crate::flow::Stop;
use crate::providers::vend::token::{TokenIssued, TokenSeen};

/// What a person can say of a used token.
const MEANT: [&str; 2] = ["confirmed", "not_confirmed"];

pub(super) fn answered(at: &mut Subscription, id: &EffectId, call: &Call, event: Event, cx: &mut Context<'_>) -> Result<(), Stop> {
    match (event, call) {
        (Event::TokenIssued(reply), _) => return issued(at, id, reply, cx),
        (Event::TokenSeen(seen), Call::RetrieveToken(token)) => token_seen(at, token, &seen, cx),
        (Event::SubscriptionSeen(seen), Call::RetrieveSubscription(id)) => at.shown(id, &seen, cx),
        (Event::Listed(list), _) => at.listed(&list, cx),
        _ => return Err(Because::Unrelated.into()),
    }
    Ok(())
}

fn issued(at: &mut Subscription, id: &EffectId, reply: TokenIssued, cx: &mut Context<'_>) -> Result<(), Stop> {
    let Some(requested) = at.requested.take_if(|it| it.of.id() == *id) else { return Err(Because::Unrelated.into()) };
    let (spent, taken) =
        (at.spent.contains(&reply.token.digest()), at.tokens.iter().any(|it| it.text == reply.token));
    cx.check(Rule::TokenSingleUse, !spent).at("/token");
    cx.check(Rule::TokenOnePerUpdate, !spent && !taken).at("/token");
    if spent || taken {
        return Ok(());
    }
    // Nobody must take a token for dead that a retailer can still use.
    let asked_at = cx.begun_by();
    let dies_at = reply.dies_at(asked_at);
    let token = Token::new(requested, reply.token, asked_at, dies_at);
    token.plan(cx);
    at.newest = Some(token.of);
    at.tokens.push(token);
    Ok(())
}

fn token_seen(at: &mut Subscription, text: &ConsentToken, seen: &TokenSeen, cx: &mut Context<'_>) {
    let Some(index) = at.tokens.iter().position(|it| it.text == *text) else {
        at.seen_late(text, seen, cx);
        return;
    };
    let mut token = at.tokens.remove(index);
    if seen.is_used {
        let of = token.of.id();
        if at.shows_other(&token, seen, cx) {
            cx.withdraw(|call| call.looks_at(&token.text));
            cx.withdraw_word(UNCONFIRMED, of.as_str());
            cx.review(MISMATCH, of.as_str(), &MEANT);
            token.disputed = Some(seen.into());
            at.tokens.insert(index, token);
        } else {
            at.used(&token, seen, cx);
        }
        return;
    }
    token.looked(cx.begun_at());
    if token.is_over(cx.begun_at(), cx.policy()) && token.disputed.is_none() {
        at.expired(token, false, cx);
    } else {
        token.plan(cx);
        at.tokens.insert(index, token);
    }
}

/// Vend refuses. What it says of a token that has expired is not documented, so that proves nothing of it.
pub(super) fn refused(at: &mut Subscription, id: &EffectId, call: &Call, cx: &mut Context<'_>) {
    match call {
        Call::CreateSubscriptionToken(_) | Call::UpdateSubscriptionToken(_) => at.forget(id),
        Call::RetrieveToken(text) => at.look_later(text, cx),
        Call::RetrieveSubscription(subscription) if !at.is_stale_look(cx) => at.not_shown(subscription, cx),
        Call::RetrieveSubscription(_) | Call::ListSubscriptions => {}
    }
}

/// A person gave a request up.
pub(super) fn given_up(at: &mut Subscription, id: &EffectId, call: &Call, cx: &mut Context<'_>) {
    match call {
        Call::CreateSubscriptionToken(_) | Call::UpdateSubscriptionToken(_) => at.forget(id),
        Call::RetrieveToken(text) => at.look_later(text, cx),
        Call::RetrieveSubscription(_) | Call::ListSubscriptions => at.wait_on(cx),
    }
}

pub(super) fn judged(at: &mut Subscription, reason: &str, of: &str, verdict: &Verdict, cx: &mut Context<'_>) {
    let position = at.tokens.iter().position(|it| it.of.id().as_str() == of);
    match (reason, verdict.name(), position) {
        (MISMATCH, "confirmed", Some(index)) => {
            let mut token = at.tokens.remove(index);
            let shown = token.disputed.take().unwrap_or_default();
            at.attested_use(&token, shown, cx);
        }
        (UNCONFIRMED, "used", Some(index)) => {
            let token = at.tokens.remove(index);
            let subscription = match verdict {
                Verdict::About { id, .. } => SubscriptionId::parse(id.as_str()).ok(),
                Verdict::Plain(_) => None,
            };
            at.attested_use(&token, Use { subscription, at: None }, cx);
        }
        (MISMATCH, "not_confirmed", Some(index)) => {
            let token = at.tokens.remove(index);
            at.give_up(token, true, cx);
        }
        (UNCONFIRMED, "not_used", Some(index)) => {
            let token = at.tokens.remove(index);
            at.expired(token, true, cx);
        }
        (UNCONFIRMED, _, Some(index)) => {
            if let Some(token) = at.tokens.get_mut(index) {
                token.wait_on(cx.now());
                token.plan(cx);
            }
        }
        (MISMATCH | AFTER_ALL, verdict, None) => at.judged_late(reason, of, verdict == "confirmed", cx),
        (OLDER, "fulfill", _) => cx.fulfill(of),
        (OLDER, ..) => {}
        _ => at.attested(reason, of, verdict, cx),
    }
}

impl Subscription {
    /// No token comes of a request.
    fn forget(&mut self, id: &EffectId) {
        self.requested = self.requested.take().filter(|it| it.of.id() != *id);
    }

    /// Whether a used token shows something else than what was asked for.
    fn shows_other(&self, token: &Token, seen: &TokenSeen, cx: &mut Context<'_>) -> bool {
        let ours = self.application(cx);
        let other = self.other(token, seen, ours.as_deref());
        cx.check(Rule::ConfirmMatch, other.is_none()).at(other.unwrap_or_default());
        other.is_some()
    }

    /// A look-up shows that a token was used for what was asked for.
    fn used(&mut self, token: &Token, seen: &TokenSeen, cx: &mut Context<'_>) {
        self.retailer_id = seen.retailer_id.clone().or(self.retailer_id.take());
        self.application_id = seen.vend_application_id.clone().or(self.application_id.take());
        self.confirmed(token, seen.into(), cx);
    }

    /// A look-up shows a token that nobody waits for any more.
    fn seen_late(&mut self, text: &ConsentToken, seen: &TokenSeen, cx: &mut Context<'_>) {
        let index = self.closed.iter().position(|it| it.token.text == *text);
        match index {
            _ if !seen.is_used => {}
            Some(index) => self.used_late(index, seen, cx),
            // A token that was used stays used: the subscription itself tells what has become of it.
            None if self.place != Place::Live => cx.look_up(self.looks_at()),
            None => {}
        }
    }

    /// A token was used that was given up as unused. Over a person's word only a person decides.
    fn used_late(&mut self, index: usize, seen: &TokenSeen, cx: &mut Context<'_>) {
        let mut closed = self.closed.remove(index);
        let is_known = closed.judged && closed.token.disputed.is_some();
        match self.shows_other(&closed.token, seen, cx) {
            false if !closed.judged => return self.used(&closed.token, seen, cx),
            // What else it shows a person has seen.
            true if is_known => {}
            is_other => {
                let (reason, of) = (if is_other { MISMATCH } else { AFTER_ALL }, closed.token.of.id());
                cx.withdraw_words(&[EXPIRED, MISMATCH], |about| about == of.as_str());
                cx.review(reason, of.as_str(), &MEANT);
                closed.token.disputed = Some(seen.into());
            }
        }
        self.closed.insert(index, closed);
    }

    /// A person says whether the use of a token counts that was given up before.
    fn judged_late(&mut self, reason: &str, of: &str, confirmed: bool, cx: &mut Context<'_>) {
        let Some(index) = self.closed.iter().position(|it| it.token.of.id().as_str() == of) else { return };
        let Closed { mut token, .. } = self.closed.remove(index);
        match (reason, confirmed) {
            (AFTER_ALL, true) => {
                let shown = token.disputed.take().unwrap_or_default();
                self.confirmed(&token, shown, cx);
            }
            (_, true) => {
                let shown = token.disputed.take().unwrap_or_default();
                self.attested_use(&token, shown, cx);
            }
            // A person has seen that it was used for what was asked for: nothing new can be shown of it.
            (AFTER_ALL, false) => {}
            (_, false) => self.closed.insert(index, Closed { token, judged: true }),
        }
    }

    /// A look-up of a token settled nothing: the next one is planned.
    fn look_later(&mut self, text: &ConsentToken, cx: &mut Context<'_>) {
        if let Some(token) = self.tokens.iter_mut().find(|it| it.text == *text) {
            token.looked(cx.begun_at());
            token.plan(cx);
        }
    }
}
