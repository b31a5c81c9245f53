//! When the letter of medical necessity and the stored card expire, and the notices before these dates.

use super::{StoredToken, THE_TOKEN, TokenState};
use crate::id::TypedId;
use crate::providers::truemed::api::calls::Call;
use crate::providers::truemed::api::webhook::NextAction;
use crate::providers::truemed::expiry::notify_before;
use crate::providers::truemed::names::Notice;
use crate::providers::truemed::payment_token::Cx;
use crate::time::Timestamp;

impl StoredToken {
    /// When the earliest letter of medical necessity expires.
    pub(in super::super) const fn lmn_expires_at(&self) -> Option<Timestamp> {
        self.lmn_expires_at
    }

    /// When the earliest stored card expires, once a lookup has shown it.
    pub(in super::super) const fn card_expires_at(&self) -> Option<Timestamp> {
        self.card_expires_at
    }

    /// When the letter and the card of a token that is not deleted expire.
    pub(in super::super) fn expiries(&self) -> impl Iterator<Item = Timestamp> {
        let is_deleted = self.is(TokenState::Deleted);
        [self.lmn_expires_at, self.card_expires_at].into_iter().flatten().filter(move |_| !is_deleted)
    }

    /// The letter expires at this instant, or there is none.
    pub(super) fn letter_expires(&mut self, at: Option<Timestamp>, cx: &mut Cx<'_>) {
        if core::mem::replace(&mut self.lmn_expires_at, at) != at {
            self.plan((Notice::LetterExpires, &NextAction::HealthSurvey), at, cx);
        }
    }

    /// The card expires at this instant, or the lookup does not show when.
    pub(super) fn card_expires(&mut self, at: Option<Timestamp>, cx: &mut Cx<'_>) {
        if core::mem::replace(&mut self.card_expires_at, at) != at {
            self.plan((Notice::CardExpires, &NextAction::UpdatePaymentMethod), at, cx);
        }
    }

    /// Looks up a card whose expiry was known, because the customer may have changed the card. No webhook shows the new
    /// expiry.
    pub(super) fn look_at_card(&self, cx: &mut Cx<'_>) {
        if let (Some(_), Some(token)) = (self.card_expires_at, &self.payment_token) {
            cx.look_up(Call::RetrievePaymentToken(token.clone()));
        }
    }

    fn plan(&self, to_do: (Notice, &NextAction), at: Option<Timestamp>, cx: &mut Cx<'_>) {
        let at = at.filter(|_| !self.is(TokenState::Deleted));
        notify_before(to_do, TypedId::new(THE_TOKEN, THE_TOKEN), at, cx);
    }
}
