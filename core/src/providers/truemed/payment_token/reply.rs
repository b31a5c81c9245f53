//! Answers to our requests, and what follows when there is none.

use alloc::string::String;

use super::command::Event;
use super::guard::{is_of_card, is_of_items};
use super::origin::Origin;
use super::state::{Change, Charge, Failed, PaymentToken, Pending, Place, Word};
use super::{Context, Next};
use crate::fact::{Because, Verdict};
use crate::flow::{Outcome, Watch};
use crate::id::EffectId;
use crate::providers::truemed::call::Call;
use crate::providers::truemed::ids::PaymentSessionId;
use crate::providers::truemed::rules::Rule;
use crate::providers::truemed::session::Session;
use crate::time::Timestamp;
use crate::providers::truemed::wire::{ChargeFailed, NextAction, SessionCreated, TokenRequested, UpdateAnswered};

const WAIT_OR_STOP: &[&str] = &["keep_waiting", "stop_waiting"];

pub(super) fn answered(at: PaymentToken, id: EffectId, call: &Call, event: Event, cx: &mut Context<'_>) -> Next {
    match event {
        Event::TokenRequested(reply) => Ok(requested(at, reply, cx)),
        Event::SessionCreated(reply) => created(at, reply, cx),
        Event::ChargeFailed(reply, code) => failed(at, id, reply, code, cx),
        Event::UpdateAnswered(reply) => updated(at, id, call, reply, cx),
        Event::ProvisionRetrieved(reply) => {
            let Call::RetrieveProvisionTokenRequest(request) = call else { return Err(Because::Unrelated.into()) };
            match reply.payment_token {
                Some(token) => {
                    let mut at = at;
                    let word = Word { token: &token, letter: None };
                    at.provisioned(&Origin::Request(request.clone()), word, cx)?;
                    Ok(at)
                }
                None => Ok(at.looked(call, cx)),
            }
        }
        Event::TokenRetrieved(reply) => {
            let mut at = at;
            at.lmn_expires_at = reply.lmn_expires_at.as_deref().and_then(Timestamp::parse_iso);
            if at.place == Place::Adopting {
                cx.learn(reply.payment_token.as_str());
                at.take_token(0, Word { token: &reply.payment_token, letter: at.lmn_expires_at });
            }
            Ok(at)
        }
        Event::SessionSeen(seen) => {
            let Call::RetrievePaymentSession(id) = call else { return Err(Because::Unrelated.into()) };
            let mut at = at;
            if let Charge::Open { session, .. } = &mut at.charge {
                session.watch.looked();
            }
            let stands = at.session_stands(id.as_str(), &seen, cx);
            stands?;
            Ok(at)
        }
        Event::Deleted => Ok(at.deleted(cx)),
        Event::Signal(_) => Err(Because::Unrelated.into()),
    }
}

fn requested(mut at: PaymentToken, reply: TokenRequested, cx: &mut Context<'_>) -> PaymentToken {
    let id = reply.provision_token_request_id;
    cx.learn(id.as_str());
    if let Some(it) = at.provisions.iter_mut().rfind(|it| it.origin.is_none()) {
        it.origin = Some(Origin::Request(id));
        it.redirect_url = reply.redirect_url;
        it.watch = Watch::new(cx.now());
        it.watch(cx);
    }
    at.settle_place();
    at
}

fn created(mut at: PaymentToken, reply: SessionCreated, cx: &mut Context<'_>) -> Next {
    let Charge::Requested { nth, asked } = at.charge else { return Err(Because::Unrelated.into()) };
    cx.learn(reply.id.as_str());
    if let Some(it) = at.provisions.iter_mut().find(|it| it.nth == nth) {
        it.origin = Some(Origin::Session(reply.id.clone()));
        it.redirect_url.clone_from(&reply.redirect_url);
        it.watch = Watch::new(cx.now());
        it.watch(cx);
    }
    let session = Session::created(reply, asked, cx.now());
    session.watch(cx);
    at.charge = Charge::Open { nth, session };
    at.settle_place();
    Ok(at)
}

fn failed(mut at: PaymentToken, of: EffectId, reply: ChargeFailed, code: Option<String>, cx: &mut Context<'_>) -> Next {
    let Charge::Requested { nth, asked } = at.charge else { return Err(Because::Unrelated.into()) };
    at.intents.settle(of.intent(), Outcome::Failed);
    let session = reply.session().cloned();
    // A webhook that came meanwhile is found by the token where the answer names no session.
    let token = at.token.as_ref().map(|token| token.as_str());
    if let Some(id) = session.as_ref().map(PaymentSessionId::as_str).or(token) {
        cx.learn(id);
    }
    let subject = session.as_ref().map_or(of.as_str(), PaymentSessionId::as_str);
    cx.notify("payment_failed", subject, reply.redirect_url.as_deref());
    let watch = Watch::new(cx.now());
    cx.review_on_schedule("repair_unconfirmed", of.as_str(), &["repaired", "keep_waiting"], &watch);
    let (intent, redirect_url) = (asked.intent, reply.redirect_url);
    at.charge = Charge::Failed(Failed { nth, of, intent, session, code, redirect_url, watch });
    Ok(at)
}

fn updated(mut at: PaymentToken, of: EffectId, call: &Call, reply: UpdateAnswered, cx: &mut Context<'_>) -> Next {
    let of_items = is_of_items(call);
    let change = if of_items { &mut at.items } else { &mut at.card };
    let Change::Updating { nth, items, replaces } = core::mem::take(change) else {
        return Err(Because::Unrelated.into());
    };
    let action = reply.next_action();
    if !of_items {
        let asked = action == Some(NextAction::UpdatePaymentMethod) && reply.redirect_url.is_some();
        cx.check(Rule::UpdateCardAlwaysAction, asked).at("/next_action");
    }
    cx.check(Rule::UpdateRedirectWithAction, action.is_some() == reply.redirect_url.is_some()).at("/redirect_url");
    let origin = reply.provision_token_request_id;
    let token = at.token.as_ref().map(|token| token.as_str());
    if let Some(id) = origin.as_ref().map(|id| id.as_str()).or(token) {
        cx.learn(id);
    }
    match action {
        Some(action) => {
            cx.notify("action_required", of.as_str(), reply.redirect_url.as_deref());
            let watch = Watch::new(cx.now());
            let verdicts = &["confirmed", "withdrawn", "keep_waiting"];
            cx.review_on_schedule("update_unconfirmed", of.as_str(), verdicts, &watch);
            let redirect_url = reply.redirect_url;
            *change = Change::Pending(Pending { nth, of, origin, items, action, redirect_url, watch });
        }
        None => {
            at.settled = at.settled.max(nth);
            at.confirmed = items.or(at.confirmed);
            if let Some(id) = origin {
                at.closed.add(nth, Origin::Request(id));
            }
        }
    }
    if let Some(old) = replaces {
        at.give_up(&old, cx);
    }
    at.drop_stale_charge(cx);
    Ok(at)
}

impl PaymentToken {
    /// Closes a change that another has taken the place of, so that its late webhook confirms nothing.
    fn give_up(&mut self, old: &Pending, cx: &mut Context<'_>) {
        cx.withdraw_word("action_required", old.of.as_str());
        cx.withdraw_word("update_unconfirmed", old.of.as_str());
        if let Some(id) = &old.origin {
            cx.learn(id.as_str());
            self.closed.add(old.nth, Origin::Request(id.clone()));
        }
    }

    fn deleted(mut self, cx: &mut Context<'_>) -> Self {
        self.place = Place::Deleted;
        // A charge that was sent has an outcome; everything else is moot.
        let unsent = cx.owed(|call| matches!(call, Call::CreatePaymentSession(_))).filter(|it| !it.sent);
        if let Some(intent) = unsent.map(|it| String::from(it.id.intent())) {
            self.intents.settle(&intent, Outcome::Failed);
            self.charge = Charge::Idle;
        }
        cx.withdraw_unsent(|call| matches!(call, Call::CreatePaymentSession(_)));
        cx.withdraw(|call| !matches!(call, Call::CreatePaymentSession(_) | Call::RetrievePaymentSession(_)));
        let dead = ["action_required", "update_unconfirmed", "payment_failed", "repair_unconfirmed"];
        cx.withdraw_words(&dead, |_| true);
        cx.withdraw_words(&["no_signal"], |of| self.provisions.iter().any(|it| it.origin.as_ref().is_some_and(|origin| origin.id() == of)));
        self
    }

    /// A look-up proved nothing: it is looked up again by its schedule, and then judged by a person.
    pub(super) fn looked(mut self, call: &Call, cx: &mut Context<'_>) -> Self {
        match call {
            Call::RetrieveProvisionTokenRequest(id) => {
                let is_it = |origin: &Origin| matches!(origin, Origin::Request(have) if have == id);
                let found = self.provisions.iter_mut().find(|it| it.origin.as_ref().is_some_and(is_it));
                if let Some(it) = found.filter(|_| self.place == Place::Awaiting) {
                    it.watch.looked();
                    it.watch(cx);
                }
            }
            Call::RetrievePaymentSession(id) => {
                if let Charge::Open { session, .. } = &mut self.charge
                    && session.id == *id
                {
                    session.watch.looked();
                    session.watch(cx);
                }
            }
            Call::RetrievePaymentToken(_) if self.place != Place::Deleted => cx.look_up(call.clone()),
            _ => {}
        }
        self
    }
}

pub(super) fn refused(
    mut at: PaymentToken,
    id: &EffectId,
    call: &Call,
    status: u16,
    cx: &mut Context<'_>,
) -> PaymentToken {
    match call {
        Call::CreatePaymentToken(_) => {
            let unnamed = at.provisions.iter().rposition(|it| it.origin.is_none());
            if let Some(index) = unnamed {
                at.provisions.remove(index);
            }
            at.settle_place();
        }
        Call::CreatePaymentSession(_) => {
            if let Charge::Requested { nth, .. } = at.charge {
                at.provisions.retain(|provision| provision.nth != nth);
                at.charge = Charge::Idle;
            }
            at.intents.settle(id.intent(), Outcome::Failed);
            at.settle_place();
        }
        Call::UpdatePaymentToken(..) => {
            let change = if is_of_card(call) { &mut at.card } else { &mut at.items };
            if let Change::Updating { replaces: Some(pending), .. } = core::mem::take(change) {
                // Its webhook may have come meanwhile; where the answer named no id, it is found by the token.
                let token = at.token.as_ref().map(|token| token.as_str());
                if let Some(id) = pending.origin.as_ref().map(|id| id.as_str()).or(token) {
                    cx.learn(id);
                }
                *change = Change::Pending(pending);
            }
        }
        Call::RetrievePaymentToken(_) if at.place == Place::Adopting => {
            at.place = Place::Absent;
            at.token = None;
        }
        Call::RetrievePaymentToken(token) if status == 404 => {
            let of = at.token.as_ref().filter(|have| *have == token).map(|_| "payment_token");
            if let Some(of) = of.filter(|_| at.place != Place::Deleted) {
                cx.review("token_not_found", of, &["deleted", "keep"]);
            }
        }
        // What is not there any more need not be deleted.
        Call::DeletePaymentToken(_) if status == 404 => return at.deleted(cx),
        Call::DeletePaymentToken(_) => at.place = Place::Issued,
        _ => return at.looked(call, cx),
    }
    at
}

pub(super) fn judged(
    mut at: PaymentToken,
    reason: &str,
    of: &str,
    verdict: &Verdict,
    cx: &mut Context<'_>,
) -> PaymentToken {
    match (reason, verdict.name()) {
        ("no_signal", "stop_waiting") => {
            let origin = |it: &Option<Origin>| it.as_ref().is_some_and(|origin| origin.id() == of);
            for it in at.provisions.iter_mut().filter(|it| origin(&it.origin)) {
                it.watch.stop();
            }
            if let Charge::Open { session, .. } = &mut at.charge
                && session.id.as_str() == of
            {
                session.watch.stop();
            }
        }
        ("update_unconfirmed", word @ ("confirmed" | "withdrawn")) => {
            for change in [&mut at.items, &mut at.card] {
                if let Change::Pending(pending) = change
                    && pending.of.as_str() == of
                {
                    if word == "confirmed" {
                        at.confirmed = pending.items.or(at.confirmed);
                    }
                    if let Some(id) = &pending.origin {
                        at.closed.add(pending.nth, Origin::Request(id.clone()));
                    }
                    cx.withdraw_word("action_required", of);
                    *change = Change::Settled;
                }
            }
            at.drop_stale_charge(cx);
        }
        ("repair_unconfirmed", "repaired") => at.repaired(None, cx),
        ("token_not_found", "deleted") => return at.deleted(cx),
        _ => {}
    }
    at
}

impl super::state::Provision {
    /// Plans the next look at it, or has a person look once the schedule is over.
    pub(super) fn watch(&self, cx: &mut Context<'_>) {
        match &self.origin {
            Some(Origin::Request(id)) => {
                let look_up = Call::RetrieveProvisionTokenRequest(id.clone());
                if !cx.look_up_on_schedule(look_up, &self.watch) {
                    cx.review("no_signal", id.as_str(), WAIT_OR_STOP);
                }
            }
            // No look-up tells of the token of a session; a person looks once its schedule is over.
            Some(Origin::Session(id)) => cx.review_on_schedule("no_signal", id.as_str(), WAIT_OR_STOP, &self.watch),
            Some(Origin::Failed(_)) | None => {}
        }
    }
}
