//! Signals of Truemed: each settles only the request whose id it names.

use alloc::string::String;

use super::command::Event;
use super::origin::Origin;
use super::state::{Change, Charge, PaymentToken, Pending, Place};
use super::{Context, Next};
use crate::fact::{Because, Origin as Proof};
use crate::flow::Outcome;
use crate::id::Digest;
use crate::providers::truemed::call::Call;
use crate::providers::truemed::ids::{PaymentSessionId, ProvisionTokenRequestId, Token};
use crate::providers::truemed::rules::Rule;
use crate::providers::truemed::wire::{SessionSeen, Signal, Status, TokenUpdated};

/// Whether something was settled, or why nothing was.
type Settled = Result<(), Because>;

pub(super) fn signalled(mut at: PaymentToken, event: Event, proof: Proof, cx: &mut Context<'_>) -> Next {
    let Event::Signal(signal) = event else { return Err(Because::Unrelated.into()) };
    cx.check(Rule::WebhookAuthenticateFirst, proof == Proof::Verified);
    match *signal {
        _ if proof != Proof::Verified => return Err(Because::Unrelated.into()),
        Signal::TokenUpdated(it) => at.token_updated(&it, cx)?,
        Signal::SessionComplete(seen) => {
            let id = seen.payment_session_id.clone().ok_or(Because::Unrelated)?;
            if let Charge::Open { session, .. } = &at.charge
                && session.id.as_str() == id
            {
                session.check(&seen, cx);
            }
            at.session_stands(&id, &seen, cx)?;
        }
        Signal::Other => return Err(Because::Unrelated.into()),
    }
    Ok(at)
}

/// The origins that a webhook names: one, if it is as documented.
fn origins(it: &TokenUpdated) -> [Option<Origin>; 3] {
    let request = it.provision_token_request_id.as_ref().and_then(|id| ProvisionTokenRequestId::parse(id).ok());
    let session = |id: Option<&String>| id.and_then(|id| PaymentSessionId::parse(id).ok());
    [
        session(it.failed_payment_session_id.as_ref()).map(Origin::Failed),
        request.map(Origin::Request),
        session(it.payment_session_id.as_ref()).map(Origin::Session),
    ]
}

/// Whether a request was sent whose answer may still tell us an id: a provision request's, or a session's.
fn is_learning(of_request: bool, cx: &Context<'_>) -> bool {
    cx.sent(|call| match call {
        Call::CreatePaymentToken(_) | Call::UpdatePaymentToken(..) => of_request,
        Call::CreatePaymentSession(_) => !of_request,
        _ => false,
    })
}

impl PaymentToken {
    fn token_updated(&mut self, it: &TokenUpdated, cx: &mut Context<'_>) -> Settled {
        let origins = origins(it);
        let named = origins.iter().flatten().count();
        cx.check(Rule::WebhookOriginIdExactlyOne, named == 1);
        let echoes = |have: Digest| it.metadata.as_ref().is_none_or(|text| Digest::of([text.as_bytes()]) == have);
        cx.check(Rule::MetadataEchoMatch, self.metadata.is_none_or(echoes)).at("/metadata");
        cx.check(Rule::TokenDeleteFinal, self.place != Place::Deleted);
        if self.place == Place::Deleted {
            return Err(Because::Known);
        }
        let ours = it.metadata.as_deref() == Some(cx.key().as_str());
        let mut settled = Err(Because::Unrelated);
        for origin in origins.iter().flatten() {
            settled = self.settle(origin, &it.payment_token, ours, cx);
            if settled.is_ok() {
                self.lmn_expires_at = it.letter_expires().or(self.lmn_expires_at);
                break;
            }
        }
        settled
    }

    /// Settles what an origin names; `ours` is whether the webhook echoes our key.
    fn settle(&mut self, origin: &Origin, token: &Token, ours: bool, cx: &mut Context<'_>) -> Settled {
        let is_named = |it: &Pending| it.is_named_by(origin);
        if self.pending().any(is_named) {
            self.changed(origin, token, is_named, cx);
            return Ok(());
        }
        if self.provisions.iter().any(|it| it.origin.as_ref() == Some(origin)) {
            return self.provisioned(origin, token, cx);
        }
        if let (Charge::Failed(failed), Origin::Failed(id)) = (&self.charge, origin)
            && failed.session.as_ref() == Some(id)
        {
            self.repaired(Some((origin, token)), cx);
            return Ok(());
        }
        if self.closed.has(origin) {
            return Err(Because::Known);
        }
        self.settle_unnamed(origin, token, ours, cx)
    }

    /// An origin that we were not told of: that of a request whose answer is still to come, or named none.
    fn settle_unnamed(&mut self, origin: &Origin, token: &Token, ours: bool, cx: &mut Context<'_>) -> Settled {
        let sent = cx.sent(|call| matches!(call, Call::CreatePaymentToken(_)));
        let unnamed = self.provisions.iter_mut().rfind(|it| it.origin.is_none());
        if let (Origin::Request(_), Some(it), true) = (origin, unnamed, ours && sent && self.place < Place::Issued) {
            // Our key comes back with the one request of ours that can make a token: it is the answer that was lost.
            it.origin = Some(origin.clone());
            cx.withdraw(|call| matches!(call, Call::CreatePaymentToken(_)));
            cx.learn(origin.id());
            return self.provisioned(origin, token, cx);
        }
        let is_unnamed = |it: &Pending| it.origin.is_none();
        let replaced = |it: &Pending| is_unnamed(it) || it.is_named_by(origin);
        let of_request = matches!(origin, Origin::Request(_));
        if is_learning(of_request, cx) || (of_request && self.replaced().any(replaced)) {
            return Err(Because::Early);
        }
        if of_request && self.pending().any(is_unnamed) {
            self.changed(origin, token, is_unnamed, cx);
            return Ok(());
        }
        match (origin, &mut self.charge) {
            (Origin::Failed(_), Charge::Failed(failed)) if failed.session.is_none() => {
                self.repaired(Some((origin, token)), cx);
                Ok(())
            }
            (Origin::Failed(id), Charge::Repaired { nth, session: session @ None, .. }) => {
                *session = Some(id.clone());
                let nth = *nth;
                self.closed.add(nth, origin.clone());
                Ok(())
            }
            _ => Err(Because::Unrelated),
        }
    }

    /// An attempt to get a token has succeeded.
    pub(super) fn provisioned(&mut self, origin: &Origin, token: &Token, cx: &mut Context<'_>) -> Settled {
        let Some(index) = self.provisions.iter().position(|it| it.origin.as_ref() == Some(origin)) else {
            return Err(Because::Known);
        };
        let provision = self.provisions.remove(index);
        if self.take_token(provision.nth, token) {
            self.confirmed = Some(provision.items);
            cx.learn(token.as_str());
        }
        if matches!(origin, Origin::Request(_)) {
            self.closed.add(provision.nth, origin.clone());
        }
        cx.withdraw_word("no_signal", origin.id());
        cx.withdraw(|call| matches!(call, Call::RetrieveProvisionTokenRequest(_)));
        let unsent = cx.owed(|call| matches!(call, Call::CreatePaymentToken(_))).is_some_and(|it| !it.sent);
        if unsent {
            cx.withdraw(|call| matches!(call, Call::CreatePaymentToken(_)));
            self.provisions.retain(|it| it.origin.is_some());
        }
        Ok(())
    }

    /// The customer has done what a change of the card or of the items asked for.
    fn changed(
        &mut self,
        origin: &Origin,
        token: &Token,
        which: impl Fn(&Pending) -> bool,
        cx: &mut Context<'_>,
    ) {
        let oldest = self.pending().filter(|it| which(it)).map(|it| it.nth).min();
        let of_items = matches!(&self.items, Change::Pending(it) if Some(it.nth) == oldest);
        let change = if of_items { &mut self.items } else { &mut self.card };
        let Change::Pending(pending) = core::mem::take(change) else { return };
        self.take_token(pending.nth, token);
        self.confirmed = pending.items.or(self.confirmed);
        self.closed.add(pending.nth, origin.clone());
        cx.withdraw_word("action_required", pending.of.as_str());
        cx.withdraw_word("update_unconfirmed", pending.of.as_str());
        if !of_items && matches!(&self.charge, Charge::Failed(failed) if failed.is_of_the_card()) {
            self.repaired(None, cx);
        }
    }

    /// A failed charge can be asked for again: Truemed says so, or the card was changed.
    pub(super) fn repaired(&mut self, by: Option<(&Origin, &Token)>, cx: &mut Context<'_>) {
        let Charge::Failed(failed) = core::mem::take(&mut self.charge) else { return };
        let mut session = failed.session;
        if let Some((origin, token)) = by {
            self.take_token(failed.nth, token);
            session = PaymentSessionId::parse(origin.id()).ok();
        }
        cx.withdraw_word("payment_failed", failed.of.as_str());
        cx.withdraw_word("repair_unconfirmed", failed.of.as_str());
        if let Some(id) = &session {
            cx.withdraw_word("payment_failed", id.as_str());
            self.closed.add(failed.nth, Origin::Failed(id.clone()));
        }
        self.charge = Charge::Repaired { nth: failed.nth, intent: failed.intent, session, since: cx.now() };
    }

    /// A session is said to stand somewhere: the open one, or one that is over and turns out otherwise.
    pub(super) fn session_stands(&mut self, id: &str, seen: &SessionSeen, cx: &mut Context<'_>) -> Settled {
        if let Charge::Open { nth, session } = &mut self.charge
            && session.id.as_str() == id
        {
            session.see(seen, cx);
            session.watch(cx);
            if session.status.is_final() {
                let captured = session.status == Status::Captured;
                let outcome = if captured { Outcome::Done } else { Outcome::Failed };
                if let Some(intent) = session.asked.as_ref().and_then(|it| it.intent.as_ref()) {
                    self.intents.settle(intent.as_str(), outcome);
                }
                self.closed.add_session(*nth, session);
                self.charge = Charge::Idle;
            }
            return Ok(());
        }
        if let Some(before) = self.closed.contradict(id, &seen.status) {
            cx.review("contradiction", id, &["seen"]);
            if seen.status == Status::Captured && before != Status::Captured {
                cx.withdraw_word("rejected", id);
                cx.fulfill(id);
            }
            return Ok(());
        }
        let asked = is_learning(false, cx);
        Err(match () {
            () if self.closed.has_id(id) => Because::Known,
            () if asked => Because::Early,
            () => Because::Unrelated,
        })
    }
}
