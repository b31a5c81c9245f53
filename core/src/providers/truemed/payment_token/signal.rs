//! Signals of Truemed: each settles only the request that it names.

use super::command::Event;
use super::origin::Origin;
use super::state::{Charge, PaymentToken, Pending, Place, Provision, Word};
use super::Context;
use crate::fact::{Because, Origin as Proof};
use crate::flow::{Outcome, Stop};
use crate::id::Digest;
use crate::providers::truemed::call::Call;
use crate::providers::truemed::found::Wanted;
use crate::providers::truemed::ids::{PaymentSessionId, ProvisionTokenRequestId};
use crate::providers::truemed::rules::Rule;
use crate::providers::truemed::session::{OURS_OR_NOT, UNPLACED};
use crate::providers::truemed::wire::{SessionSeen, Signal, Status, TokenUpdated};

/// Whether something was settled, or why nothing was.
type Settled = Result<(), Because>;

pub(super) fn signalled(at: &mut PaymentToken, event: Event, proof: Proof, cx: &mut Context<'_>) -> Result<(), Stop> {
    let Event::Signal(signal) = event else { return Err(Because::Unrelated.into()) };
    cx.check(Rule::WebhookAuthenticateFirst, proof == Proof::Verified);
    match *signal {
        _ if proof != Proof::Verified => return Err(Because::Unrelated.into()),
        Signal::TokenUpdated(it) => at.token_updated(&it, cx)?,
        Signal::SessionComplete(seen) => at.session_told(&seen, cx)?,
        Signal::Other => return Err(Because::Unrelated.into()),
        Signal::Unlisted(it) => return it.report(cx),
    }
    Ok(())
}

/// The origins that a webhook names: one, if it is as documented.
fn origins(it: &TokenUpdated) -> [Option<Origin>; 3] {
    let request = it.provision_token_request_id.as_ref().and_then(|id| ProvisionTokenRequestId::parse(id).ok());
    let session = |id: Option<&alloc::string::String>| id.and_then(|id| PaymentSessionId::parse(id).ok());
    [
        session(it.failed_payment_session_id.as_ref()).map(Origin::Failed),
        request.map(Origin::Request),
        session(it.payment_session_id.as_ref()).map(Origin::Session),
    ]
}

/// Whether a request was sent whose reply may still tell us an id: a provision request's, or a session's.
fn is_learning(of_request: bool, cx: &Context<'_>) -> bool {
    cx.sent(|call| match call {
        Call::CreatePaymentToken(_) | Call::UpdatePaymentToken(..) => of_request,
        Call::CreatePaymentSession(_) => !of_request,
        _ => false,
    })
}

impl PaymentToken {
    /// A webhook says how a session stands.
    fn session_told(&mut self, seen: &SessionSeen, cx: &mut Context<'_>) -> Settled {
        let id = seen.session().cloned().ok_or(Because::Unrelated)?;
        if let Charge::Open { session, .. } = &self.charge
            && session.id == id
        {
            session.check(seen, cx);
        }
        match self.session_stands(id.as_str(), seen, false, cx) {
            Err(Because::Unrelated) => {}
            settled => return settled,
        }
        let mut open = true;
        if let Charge::Requested { asked, .. } = &self.charge
            && let Some(wanted) = Wanted::of(asked, cx)
        {
            if wanted.is_named_by(seen, cx.key()) {
                return self.bind(id, Some(seen), cx);
            }
            open = wanted.excludes(seen);
        }
        // It may be what a reply of ours will still name.
        if open { self.unplaced(&id, seen, cx) } else { Err(Because::Early) }
    }

    /// Money of our token, or with our key, that no request of ours accounts for: a person is asked, once for each session.
    fn unplaced(&mut self, id: &PaymentSessionId, seen: &SessionSeen, cx: &mut Context<'_>) -> Settled {
        if self.token.is_none() && self.place != Place::Absent && seen.payment_token.is_some() {
            // The token is still to come.
            return Err(Because::Early);
        }
        let by_token = self.token.is_some() && seen.payment_token == self.token;
        if !by_token && seen.metadata.as_deref() != Some(cx.key().as_str()) {
            return Err(Because::Unrelated);
        }
        let costs_as_much = |call: &Call| match call {
            Call::CreatePaymentSession(it) => seen.amount().is_none_or(|amount| amount == it.total_amount),
            _ => false,
        };
        // What is only held may still come to nothing.
        if seen.status == Status::Captured
            && let Some(it) = cx.after_all(costs_as_much, id.as_str(), OURS_OR_NOT)?
        {
            self.paid_though_ended(&it, cx);
            return Ok(());
        }
        match seen.status {
            Status::Captured => cx.review(UNPLACED, id.as_str(), OURS_OR_NOT),
            // It is only held: whoever looks releases it, or takes it by hand.
            Status::Authorized => cx.review(UNPLACED, id.as_str(), &["seen"]),
            _ => return Err(Because::Unrelated),
        }
        Ok(())
    }

    /// Holds the metadata that came back against what was given.
    pub(super) fn check_echo(&self, metadata: Option<&str>, cx: &mut Context<'_>) {
        let echoes = |have: Digest| metadata.is_none_or(|text| Digest::of([text.as_bytes()]) == have);
        cx.check(Rule::MetadataEchoMatch, self.metadata.is_none_or(echoes)).at("/metadata");
    }

    fn token_updated(&mut self, it: &TokenUpdated, cx: &mut Context<'_>) -> Settled {
        let origins = origins(it);
        let named = origins.iter().flatten().count();
        cx.check(Rule::WebhookOriginIdExactlyOne, named == 1);
        self.check_echo(it.metadata.as_deref(), cx);
        cx.check(Rule::TokenDeleteFinal, self.place != Place::Deleted);
        if self.place == Place::Deleted {
            return Err(Because::Known);
        }
        let ours = it.metadata.as_deref() == Some(cx.key().as_str());
        let word = Word { token: &it.payment_token, letter: it.letter(), at: it.time() };
        if named == 0 {
            return self.settle_by_token(word, ours, cx);
        }
        let mut settled = Err(Because::Unrelated);
        for origin in origins.iter().flatten() {
            settled = self.settle(origin, word, ours, cx);
            if settled.is_ok() {
                break;
            }
        }
        settled
    }

    /// Settles what an origin names; `ours` is whether the webhook echoes our key.
    fn settle(&mut self, origin: &Origin, word: Word<'_>, ours: bool, cx: &mut Context<'_>) -> Settled {
        let is_named = |it: &Pending| it.is_named_by(origin);
        if self.pending().any(is_named) {
            self.changed(Some(origin), word, is_named, cx);
            return Ok(());
        }
        if self.provisions.iter().any(|it| it.origin.as_ref() == Some(origin)) {
            return self.provisioned(origin, word, cx);
        }
        if let Origin::Failed(id) = origin
            && self.failure().is_some_and(|failed| failed.session.as_ref() == Some(id))
        {
            self.repaired(Some((origin, word)), cx);
            return Ok(());
        }
        if self.closed.has(origin) {
            return Err(Because::Known);
        }
        if let Origin::Failed(id) = origin
            && let Some(nth) = self.closed.nth_captured(id.as_str())
        {
            // Truemed reports the repair after the capture: what it says of the token counts all the same.
            if !self.is_news(nth, word) {
                return Err(Because::Known);
            }
            self.take_token(nth, word, cx);
            self.drop_stale_charge(cx);
            return Ok(());
        }
        self.settle_unnamed(origin, word, ours, cx)
    }

    /// An origin that we were not told of: that of a request whose reply is still to come, or named none.
    fn settle_unnamed(&mut self, origin: &Origin, word: Word<'_>, ours: bool, cx: &mut Context<'_>) -> Settled {
        if ours && self.place < Place::Adopting && self.adopt_origin(origin, cx)? {
            return self.provisioned(origin, word, cx);
        }
        let is_older = self.replaced().any(|it| it.is_named_by(origin));
        if ours && self.place == Place::Absent {
            // Every sending was refused, says each reply, and Truemed has made a token even so.
            self.take_token(self.requests, word, cx);
            self.confirmed = self.refused.take();
            return Ok(());
        }
        let of_request = matches!(origin, Origin::Request(_));
        if !ours && self.token.as_ref() != Some(word.token) {
            // Nothing says that it is about this customer.
            return Err(if is_learning(of_request, cx) { Because::Early } else { Because::Unrelated });
        }
        if let (Origin::Request(_), Some(update), false) = (origin, self.sole_update(cx), is_older) {
            cx.prove(update.is_same_update(), None);
            self.update_is_taken(&update, Some((origin, word)), cx);
            return Ok(());
        }
        let is_unnamed = |it: &Pending| it.origin.is_none();
        let replaced = |it: &Pending| is_unnamed(it) || it.is_named_by(origin);
        let is_failed = matches!(origin, Origin::Failed(_)) && self.failure().is_some_and(|it| it.session.is_none());
        if is_failed {
            self.repaired(Some((origin, word)), cx);
            return Ok(());
        }
        if is_learning(of_request, cx) || (of_request && self.replaced().any(replaced)) {
            return Err(Because::Early);
        }
        if of_request && self.is_one(is_unnamed) {
            self.changed(Some(origin), word, is_unnamed, cx);
            return Ok(());
        }
        match (origin, &mut self.charge) {
            (Origin::Failed(id), Charge::Repaired { nth, intent, session: session @ None, .. }) => {
                *session = Some(id.clone());
                let (nth, intent) = (*nth, intent.clone());
                self.closed.add_failed(nth, id.clone(), intent);
                Ok(())
            }
            _ => Err(Because::Unrelated),
        }
    }

    /// A webhook that names no origin: it is found by the token, and settles the one change whose reply named none either.
    fn settle_by_token(&mut self, word: Word<'_>, ours: bool, cx: &mut Context<'_>) -> Settled {
        let is_unnamed = |it: &Pending| it.origin.is_none();
        let by_token = ours || self.token.as_ref() == Some(word.token);
        if !by_token || cx.sent(Call::is_update) || !self.is_one(is_unnamed) {
            return Err(Because::Unrelated);
        }
        self.changed(None, word, is_unnamed, cx);
        Ok(())
    }

    /// Whether one change alone is such: of two, nothing says which is meant.
    fn is_one(&self, which: impl Fn(&Pending) -> bool) -> bool {
        self.pending().filter(|it| which(it)).count() == 1
    }

    /// A token with our key comes from one of our attempts, although no reply has named its origin: says whether one is
    /// there that it can come from.
    fn adopt_origin(&mut self, origin: &Origin, cx: &mut Context<'_>) -> Result<bool, Because> {
        let asks = |call: &Call| matches!(call, Call::CreatePaymentToken(_));
        match origin {
            Origin::Session(id) if cx.sent(Call::is_session) && matches!(self.charge, Charge::Requested { .. }) => {
                self.bind(id.clone(), None, cx)?;
                Ok(true)
            }
            Origin::Request(_) => {
                let of_request = |it: &Provision| !matches!(it.origin, Some(Origin::Session(_)));
                let unnamed = self.provisions.iter().rposition(|it| it.origin.is_none()).filter(|_| cx.sent(asks));
                let Some(at) = unnamed.or_else(|| self.provisions.iter().rposition(of_request)) else {
                    return Ok(false);
                };
                if unnamed.is_some() {
                    // The one request of ours that can make a token: it is the reply that was lost.
                    cx.prove(asks, None);
                }
                // Another sending of the same request may have been answered with another origin: both can bring a token.
                let Some(it) = self.provisions.get(at) else { return Ok(false) };
                let named = Provision { origin: Some(origin.clone()), ..it.clone() };
                if unnamed.is_some() {
                    self.provisions.remove(at);
                }
                self.provisions.insert(at, named);
                cx.learn(origin.id());
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// A charge that is not sent yet and is for other items, or by another token, than are confirmed now is dropped; the
    /// host has to ask for it again.
    pub(super) fn drop_stale_charge(&mut self, cx: &mut Context<'_>) {
        let Charge::Requested { nth, asked, .. } = &self.charge else { return };
        let is_stale = |call: &Call| match call {
            Call::CreatePaymentSession(it) => {
                it.is_charge() && (Some(it.items()) != self.confirmed || it.payment_token != self.token)
            }
            _ => false,
        };
        if cx.owed(is_stale).is_none_or(|it| it.sent) {
            return;
        }
        cx.withdraw(is_stale);
        let (nth, intent) = (*nth, asked.intent.clone());
        if let Some(intent) = &intent {
            self.intents.settle(intent.as_str(), Outcome::Failed);
        }
        self.charge = Charge::Repaired { nth, intent, session: None, since: cx.now() };
    }
}
