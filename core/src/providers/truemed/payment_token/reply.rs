//! Replies to our requests, and what follows where there is none.

use alloc::string::String;

use super::command::Event;
use super::origin::Origin;
use super::state::{PaymentToken, Place, Word};
use super::Context;
use crate::fact::{Because, Verdict};
use crate::flow::{AfterAll, MADE_AFTER_ALL, Outcome, Stop};
use crate::id::EffectId;
use crate::providers::truemed::call::Call;
use crate::providers::truemed::ids::{PaymentSessionId, Token};
use crate::providers::truemed::replies::{ProvisionRetrieved, TokenRetrieved};
use crate::providers::truemed::session::WAIT_OR_STOP;

/// The review of a token that Truemed does not find, and what it is about.
pub(super) const TOKEN_NOT_FOUND: &str = "token_not_found";
const THE_TOKEN: &str = "payment_token";

const fn is_delete(call: &Call) -> bool {
    matches!(call, Call::DeletePaymentToken(_))
}

pub(super) fn answered(at: &mut PaymentToken, id: &EffectId, call: &Call, event: Event, cx: &mut Context<'_>) -> Result<(), Stop> {
    match (event, call) {
        (Event::TokenRequested(reply), _) => at.requested(reply, cx),
        (Event::SessionCreated(reply), _) => at.created(reply, cx)?,
        (Event::SessionFound(page), Call::FindPaymentSession(find)) => at.found(find, &page, cx)?,
        (Event::UpdateAnswered(reply), _) => at.updated(id, call, reply, cx)?,
        (Event::ProvisionRetrieved(reply), Call::RetrieveProvisionTokenRequest(request)) => {
            at.provision_shown(&Origin::Request(request.clone()), &reply, cx)?;
        }
        (Event::TokenRetrieved(reply), _) => at.token_shown(&reply, cx),
        (Event::SessionSeen(seen), Call::RetrievePaymentSession(session)) => {
            at.look_at_session(session, &seen, cx);
            at.session_stands(session.as_str(), &seen, true, cx)?;
        }
        (Event::Deleted, _) => at.deleted(cx),
        _ => return Err(Because::Unrelated.into()),
    }
    Ok(())
}

/// Every sending of a request was refused: it is over. Of a look-up: there is no such thing.
pub(super) fn refused(
    at: &mut PaymentToken,
    id: &EffectId,
    call: &Call,
    (status, code): (u16, Option<&str>),
    cx: &mut Context<'_>,
) {
    match call {
        Call::CreatePaymentToken(_) => at.not_requested(),
        Call::CreatePaymentSession(it) => {
            at.not_made(id, cx);
            if code == Some("NotFound") {
                look_at_token(it.payment_token.as_ref(), cx);
            }
        }
        call if call.is_update() => {
            at.not_updated(call, cx);
            if status == 404 {
                cx.review(TOKEN_NOT_FOUND, THE_TOKEN, &["deleted", "keep"]);
            }
        }
        Call::RetrievePaymentToken(token) => at.token_not_found(token, cx),
        Call::RetrievePaymentSession(session) => at.session_not_found(session, cx),
        // It may be gone, or be another sales channel's: nothing is charged until a person says which.
        Call::DeletePaymentToken(_) if status == 404 => cx.review(TOKEN_NOT_FOUND, THE_TOKEN, &["deleted", "keep"]),
        Call::DeletePaymentToken(_) => at.place = Place::Issued,
        _ => {}
    }
}

/// One sending was refused while another may have come true.
pub(super) fn refused_once(
    at: &mut PaymentToken,
    call: &Call,
    (status, code): (u16, Option<&str>),
    cx: &mut Context<'_>,
) {
    match call {
        // What is not there any more is deleted, by whichever sending.
        Call::DeletePaymentToken(_) if status == 404 => {
            cx.prove(is_delete, None);
            at.deleted(cx);
        }
        call if call.is_update() && status == 404 => cx.review(TOKEN_NOT_FOUND, THE_TOKEN, &["deleted", "keep"]),
        Call::CreatePaymentSession(it) if code == Some("NotFound") => look_at_token(it.payment_token.as_ref(), cx),
        _ => {}
    }
}

/// A charge does not find its token.
fn look_at_token(token: Option<&Token>, cx: &mut Context<'_>) {
    if let Some(token) = token {
        cx.look_up(Call::RetrievePaymentToken(token.clone()));
    }
}

/// Nothing came of any sending: a request that has become moot goes.
pub(super) fn not_sent(at: &mut PaymentToken, id: &EffectId, call: &Call, cx: &mut Context<'_>) {
    match call {
        Call::CreatePaymentToken(_) if at.place >= Place::Issued => {
            cx.withdraw(|call| matches!(call, Call::CreatePaymentToken(_)));
            at.not_requested();
        }
        Call::CreatePaymentSession(it) if it.is_charge() && at.place == Place::Deleted => {
            cx.withdraw(Call::is_session);
            at.not_made(id, cx);
        }
        Call::CreatePaymentSession(_) => at.drop_stale_charge(cx),
        _ => {}
    }
}

/// A person said what has become of a request, or gave it up.
pub(super) fn resolved(
    at: &mut PaymentToken,
    id: &EffectId,
    call: &Call,
    verdict: &Verdict,
    cx: &mut Context<'_>,
) -> Result<(), Stop> {
    match (call, verdict) {
        (Call::CreatePaymentToken(_), _) => at.not_requested(),
        (Call::CreatePaymentSession(_), Verdict::About { id: named, .. }) => {
            let session = PaymentSessionId::parse(named).map_err(|_| Because::Unrelated)?;
            at.bind(session, None, cx)?;
        }
        (Call::CreatePaymentSession(_), _) => at.not_made(id, cx),
        (call, verdict) if call.is_update() && verdict.name() == "confirmed" => at.update_is_taken(call, None, cx),
        (call, _) if call.is_update() => at.not_updated(call, cx),
        (Call::DeletePaymentToken(_), verdict) if verdict.name() == "deleted" => at.deleted(cx),
        (Call::DeletePaymentToken(_), _) => at.place = Place::Issued,
        (Call::RetrievePaymentToken(_), _) if at.place == Place::Adopting => {
            at.place = Place::Absent;
            at.token = None;
        }
        _ => {}
    }
    Ok(())
}

/// A request that a person had ended was done after all.
pub(super) fn after_all(at: &mut PaymentToken, it: &AfterAll<Call>, event: Event, cx: &mut Context<'_>) -> Result<(), Stop> {
    if let Event::SessionCreated(made) = event {
        at.made_after_all(it, made, cx)?;
    }
    Ok(())
}

/// A person judged a review of this flow.
pub(super) fn judged(at: &mut PaymentToken, reason: &str, of: &str, verdict: &Verdict, cx: &mut Context<'_>) -> Result<(), Stop> {
    match (reason, verdict.name()) {
        ("update_unconfirmed", word) => at.change_is_judged(of, word, cx),
        ("repair_unconfirmed", "repaired") => at.repaired(None, cx),
        ("repair_unconfirmed", _) => at.wait_for_repair(cx),
        (TOKEN_NOT_FOUND, "deleted") => at.deleted(cx),
        (TOKEN_NOT_FOUND, _) if at.place == Place::Deleting && cx.owed(is_delete).is_none() => at.place = Place::Issued,
        ("unplaced_payment", word) => at.payment_is_placed(of, word == "ours", cx)?,
        (MADE_AFTER_ALL, "ours") => cx.fulfill(of),
        ("contradiction" | MADE_AFTER_ALL | "made_twice", _) => {}
        _ => at.wait_is_judged(of, verdict, cx),
    }
    Ok(())
}

impl PaymentToken {
    /// A look-up shows a provision request, with a token or without one.
    fn provision_shown(
        &mut self,
        origin: &Origin,
        reply: &ProvisionRetrieved,
        cx: &mut Context<'_>,
    ) -> Result<(), Because> {
        self.check_echo(reply.metadata.as_deref(), cx);
        if let Some(token) = &reply.payment_token {
            return self.provisioned(origin, Word::new(token, None), cx);
        }
        let awaiting = self.place == Place::Awaiting;
        if let Some(it) = self.provisions.iter_mut().find(|it| it.origin.as_ref() == Some(origin)).filter(|_| awaiting)
        {
            it.watch.looked(cx.begun_at());
            it.watch(cx);
        }
        Ok(())
    }

    /// A look-up shows the token: one that was to be deleted is still there.
    fn token_shown(&mut self, reply: &TokenRetrieved, cx: &mut Context<'_>) {
        self.lmn_expires_at = reply.letter();
        match self.place {
            Place::Adopting => {
                self.take_token(0, Word::new(&reply.payment_token, reply.letter()), cx);
            }
            Place::Deleting if cx.deny(is_delete).is_some() => self.place = Place::Issued,
            _ => {}
        }
    }

    /// Truemed finds no such token: that proves a deletion that was asked for, and otherwise a person is asked.
    fn token_not_found(&mut self, token: &Token, cx: &mut Context<'_>) {
        match self.place {
            Place::Adopting => {
                self.place = Place::Absent;
                self.token = None;
            }
            Place::Deleting if cx.sent(is_delete) => {
                cx.prove(is_delete, None);
                self.deleted(cx);
            }
            Place::Deleted => {}
            _ if self.token.as_ref() == Some(token) => cx.review(TOKEN_NOT_FOUND, THE_TOKEN, &["deleted", "keep"]),
            _ => {}
        }
    }

    /// The token is gone for good.
    fn deleted(&mut self, cx: &mut Context<'_>) {
        self.place = Place::Deleted;
        // A charge that was sent has an outcome; everything else is moot.
        let unsent = cx.owed(Call::is_session).filter(|it| !it.sent).map(|it| String::from(it.id.intent()));
        if let Some(intent) = unsent {
            self.intents.settle(&intent, Outcome::Failed);
            self.charge = super::state::Charge::Idle;
        }
        cx.withdraw_unsent(Call::is_session);
        let lives =
            |call: &Call| call.is_session() || call.is_find() || matches!(call, Call::RetrievePaymentSession(_));
        cx.withdraw(|call| !lives(call));
        let dead = ["action_required", "update_unconfirmed", "payment_failed", "repair_unconfirmed", TOKEN_NOT_FOUND];
        cx.withdraw_words(&dead, |_| true);
        self.forget_provisions(cx);
    }

    /// What a person says of a wait for a token or for a session.
    fn wait_is_judged(&mut self, of: &str, verdict: &Verdict, cx: &mut Context<'_>) {
        for it in self.provisions.iter_mut().filter(|it| it.origin.as_ref().is_some_and(|origin| origin.id() == of)) {
            match verdict.name() {
                "stop_waiting" | "ended" => it.watch.stop(),
                _ => it.watch = crate::flow::Watch::new(cx.now()),
            }
        }
        self.session_is_judged(of, verdict, cx);
        for it in self.provisions.iter().filter(|it| !it.watch.is_stopped()) {
            it.watch(cx);
        }
    }
}

impl super::state::Provision {
    /// Plans the next look at it, and has a person look once the schedule is over.
    pub(super) fn watch(&self, cx: &mut Context<'_>) {
        match &self.origin {
            Some(Origin::Request(id)) => {
                let look_up = Call::RetrieveProvisionTokenRequest(id.clone());
                cx.watch(look_up, &self.watch, "no_signal", id.as_str(), WAIT_OR_STOP);
            }
            // No look-up tells of the token of a session; a person looks once its schedule is over.
            Some(Origin::Session(id)) => cx.review_on_schedule("no_signal", id.as_str(), WAIT_OR_STOP, &self.watch),
            Some(Origin::Failed(_)) | None => {}
        }
    }
}
