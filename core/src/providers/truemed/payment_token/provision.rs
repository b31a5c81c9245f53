//! Attempts to get a token: what their replies and their tokens say.

use super::Context;
use super::origin::Origin;
use super::state::{Charge, PaymentToken, Place, Provision, Word};
use crate::fact::Because;
use crate::flow::Watch;
use crate::providers::truemed::call::Call;
use crate::providers::truemed::replies::TokenRequested;

const fn is_create(call: &Call) -> bool {
    matches!(call, Call::CreatePaymentToken(_))
}

impl PaymentToken {
    /// The request for a token was taken.
    pub(super) fn requested(&mut self, reply: TokenRequested, cx: &mut Context<'_>) {
        let id = reply.provision_token_request_id;
        cx.learn(id.as_str());
        if let Some(it) = self.provisions.iter_mut().rfind(|it| it.origin.is_none()) {
            it.origin = Some(Origin::Request(id));
            it.redirect_url = reply.redirect_url;
            it.watch = Watch::new(cx.now());
            it.watch(cx);
        }
        self.settle_place();
    }

    /// A reply names a request without a page for the customer: another is asked for, and a token of this one counts too.
    pub(super) fn hinted(&mut self, reply: TokenRequested, cx: &mut Context<'_>) {
        let origin = Origin::Request(reply.provision_token_request_id);
        let unnamed = self.provisions.iter().rposition(|it| it.origin.is_none());
        if let Some((at, it)) = unnamed.and_then(|at| Some((at, self.provisions.get(at)?))) {
            let named = Provision { origin: Some(origin.clone()), ..it.clone() };
            if !self.provisions.contains(&named) {
                cx.learn(origin.id());
                self.provisions.insert(at, named);
            }
        }
        self.settle_place();
    }

    /// No token is asked for: what was named without a page for the customer goes as well.
    pub(super) fn not_requested(&mut self) {
        self.refused = self.provisions.iter().rfind(|it| it.origin.is_none()).map(|it| it.items).or(self.refused);
        let sessions = match &self.charge {
            Charge::Requested { nth, .. } => Some(*nth),
            _ => None,
        };
        self.provisions.retain(|it| match &it.origin {
            None => Some(it.nth) == sessions,
            Some(Origin::Request(_)) => it.redirect_url.is_some(),
            Some(_) => true,
        });
        self.settle_place();
    }

    /// An attempt to get a token has succeeded.
    pub(super) fn provisioned(
        &mut self,
        origin: &Origin,
        word: Word<'_>,
        cx: &mut Context<'_>,
    ) -> Result<(), Because> {
        let Some(index) = self.provisions.iter().position(|it| it.origin.as_ref() == Some(origin)) else {
            return Err(Because::Known);
        };
        let provision = self.provisions.remove(index);
        if self.take_token(provision.nth, word, cx) {
            self.confirmed = Some(provision.items);
        }
        if matches!(origin, Origin::Request(_)) {
            self.closed.add(provision.nth, origin.clone());
        }
        cx.withdraw_word("no_signal", origin.id());
        cx.withdraw(|call| matches!(call, Call::RetrieveProvisionTokenRequest(_)));
        self.forget_provisions(cx);
        // Its reply named it and no page for the customer, so that it was to be asked for again: nothing more has to come of it.
        let is_same = |it: &Provision| it.nth == provision.nth && it.origin.is_none();
        if self.provisions.iter().any(is_same) {
            self.provisions.retain(|it| !is_same(it));
            cx.prove(|call| matches!(call, Call::CreatePaymentToken(_)), Some(origin.id()));
        }
        if cx.owed(is_create).is_some_and(|it| !it.sent) {
            cx.withdraw(is_create);
            self.provisions.retain(|it| it.origin.is_some());
        }
        Ok(())
    }

    /// Whether a checkout that makes the token is paid, and its token still to come.
    pub(super) fn is_paid_for(&self) -> bool {
        let is_paid = |it: &Provision| match &it.origin {
            Some(Origin::Session(id)) => !it.watch.is_stopped() && self.closed.is_captured(id.as_str()),
            _ => false,
        };
        self.place < Place::Adopting && self.provisions.iter().any(is_paid)
    }

    /// Nobody has to look for the attempts that are left; one of them may still bring a newer token.
    pub(super) fn forget_provisions(&self, cx: &mut Context<'_>) {
        let is_of = |of: &str| self.provisions.iter().any(|it| it.origin.as_ref().is_some_and(|it| it.id() == of));
        cx.withdraw_words(&["no_signal"], is_of);
        // The session that makes a token is awaited for itself too.
        if let Charge::Open { session, .. } = &self.charge {
            session.watch(cx);
        }
    }
}
