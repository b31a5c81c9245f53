//! What a token waits for, and what the customer's return hints at.

use alloc::vec::Vec;

use super::origin::Origin;
use super::state::{Change, Charge, PaymentToken, Pending, Place, Provision};
use super::{Context, TOKEN_UPDATED};
use crate::effect::Awaited;
use crate::fact::{Because, Via};
use crate::providers::truemed::ids::PaymentSessionId;
use crate::flow::Stop;
use crate::providers::truemed::wire::Status;

impl PaymentToken {
    /// The changes that the customer must still make good.
    pub(super) fn pending(&self) -> impl DoubleEndedIterator<Item = &Pending> {
        [&self.items, &self.card].into_iter().filter_map(|change| match change {
            Change::Pending(pending) => Some(pending),
            _ => None,
        })
    }

    /// The changes that an update which is not answered yet takes the place of.
    pub(super) fn replaced(&self) -> impl Iterator<Item = &Pending> {
        [&self.items, &self.card].into_iter().filter_map(|change| match change {
            Change::Updating { replaces, doubt, .. } => replaces.as_ref().or(doubt.as_ref()),
            _ => None,
        })
    }

    /// The awaited request whose look-up would be polling: its schedule has not asked for one yet.
    pub(super) fn polled(&self) -> Option<&Provision> {
        let asked = self.provisions.iter().rfind(|it| matches!(it.origin, Some(Origin::Request(_))));
        asked.filter(|it| self.place == Place::Awaiting && it.watch.is_fresh())
    }

    /// The customer came back: a hint that a look may pay, and proof of nothing.
    pub(super) fn returned(&mut self, via: Via, cx: &mut Context<'_>) -> Result<(), Stop> {
        // A return by Cancel, or after a failure, is no reason to look.
        if via == Via::FailureUrl {
            return Err(Because::Unrelated.into());
        }
        let mut hinted = false;
        if self.place == Place::Awaiting
            && let Some(it) = self.provisions.iter_mut().rfind(|it| it.origin.is_some())
        {
            it.watch.returned(cx.now());
            it.watch(cx);
            hinted = true;
        }
        if let Charge::Open { session, .. } = &mut self.charge
            && session.awaited().is_some_and(|it| it.customer_at.is_some())
        {
            session.returned(cx.now());
            session.watch(cx);
            hinted = true;
        }
        if hinted { Ok(()) } else { Err(Because::Unrelated.into()) }
    }

    /// What others must do: of a deleted token only what an open charge waits for.
    pub(super) fn awaited(&self) -> Vec<Awaited> {
        let mut awaited = Vec::new();
        if self.place == Place::Awaiting {
            awaited.extend(self.awaited_provisions());
        }
        if self.place != Place::Deleted {
            awaited.extend(self.pending().map(Pending::awaited));
        }
        awaited.extend(self.awaited_charge());
        awaited
    }

    /// The attempts to get a token; the customer finishes the newest.
    fn awaited_provisions(&self) -> impl Iterator<Item = Awaited> {
        let newest = self.provisions.iter().rfind(|it| it.origin.is_some()).map(|it| it.nth);
        let waiting = self.provisions.iter().filter(|it| !it.watch.is_stopped());
        waiting.filter_map(move |it| {
            let mut wait = Awaited::new(TOKEN_UPDATED, it.watch.since());
            wait.of = Some(it.origin.as_ref()?.id().into());
            let payable = match &it.origin {
                Some(Origin::Session(id)) => self.is_payable(id),
                _ => true,
            };
            wait.customer_at = it.redirect_url.clone().filter(|_| payable && Some(it.nth) == newest);
            Some(wait)
        })
    }

    /// Whether the customer can still pay a checkout that makes a token.
    fn is_payable(&self, id: &PaymentSessionId) -> bool {
        matches!(&self.charge, Charge::Open { session, .. } if session.id == *id && session.status == Status::Pending)
    }

    fn awaited_charge(&self) -> Option<Awaited> {
        match &self.charge {
            Charge::Open { session, .. } => session.awaited(),
            Charge::Failed(failed) | Charge::Requested { failed: Some(failed), .. } if self.place != Place::Deleted => {
                let mut wait = Awaited::new(TOKEN_UPDATED, failed.watch.since());
                wait.of = failed.session.as_ref().map(|id| id.as_str().into());
                let action = failed.action.as_ref().map(|it| it.as_str().into());
                wait.action = action.or_else(|| failed.code.clone());
                wait.customer_at.clone_from(&failed.redirect_url);
                Some(wait)
            }
            Charge::Repaired { intent: Some(intent), since, .. } if self.place != Place::Deleted => {
                let mut wait = Awaited::new("create_payment_session", *since);
                wait.of = Some(intent.as_str().into());
                Some(wait)
            }
            _ => None,
        }
    }
}

impl Pending {
    fn awaited(&self) -> Awaited {
        let mut wait = Awaited::new(TOKEN_UPDATED, self.watch.since());
        wait.of = self.origin.as_ref().map(|id| id.as_str().into());
        wait.action = Some(self.action.as_str()).filter(|it| !it.is_empty()).map(Into::into);
        wait.customer_at.clone_from(&self.redirect_url);
        wait
    }
}
